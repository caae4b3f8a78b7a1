"""Log lines as JSON, one object a line."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

_LOGGERS: Final = ("facets_svc", "_granian")

_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)

REQUESTS: Final = logging.getLogger("facets_svc.requests")
"""One line a request, written by the gate."""


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; `extra={"fields": {…}}` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for `record`, without its line feed."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line).decode()


DELAY_SECONDS: Final = 0.05
"""How long a line may wait for others, so that they are written together."""


class BatchingHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream: those of an event loop together, up to `DELAY_SECONDS` after the first of them.

    A write a line costs a busy service as much as its answers do. Lines from warnings up are written at once, with
    those before them, and so is everything outside of an event loop.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._will_flush = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of a record, or write it with those that are kept."""
        try:
            self._lines.append(self.format(record))
            if record.levelno >= logging.WARNING or not self._flush_soon():
                self.flush()
        except Exception:  # noqa: BLE001 - as every handler does: a disk that is full must not fail a request
            self.handleError(record)

    def flush(self) -> None:
        """Write what is kept."""
        self.acquire()
        try:
            self._will_flush = False
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join([*lines, ""]))
            super().flush()
        finally:
            self.release()

    def _flush_soon(self) -> bool:
        if self._will_flush:
            return True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        loop.call_later(DELAY_SECONDS, self.flush)
        self._will_flush = True
        return True


def flush() -> None:
    """Write every line that waits for others: before an event loop ends."""
    for name in _LOGGERS:
        for handler in logging.getLogger(name).handlers:
            handler.flush()


def configuration(level: str) -> dict[str, Any]:
    """Return the `logging.config` that writes our lines and the server's to stderr as JSON, from `level` up."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"()": BatchingHandler, "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False} for name in _LOGGERS},
    }
