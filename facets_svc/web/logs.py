"""Log lines as JSON objects, written by a thread while the service runs."""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import Any, Final, TextIO

import msgspec

_LOGGERS: Final = ("facets_svc", "_granian")

_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)

REQUESTS: Final = logging.getLogger("facets_svc.requests")
"""The logger for requests: the edge logs one line for each."""

PAUSE_SECONDS: Final = 0.05
"""How long the thread sleeps when the queue is empty. To wake it for each line would cost as much as an answer."""

MAX_WAITING: Final = 10_000
"""Lines that may wait while stderr is slow. Further ones are dropped and counted, so that answers do not wait."""


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object; `extra={"fields": {…}}` adds members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`, without a line feed."""
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


class StderrHandler(QueueHandler):
    """Writes lines to a stream: directly, or, between `start` and `stop`, in the thread of a `QueueListener`.

    With the thread, a slow disk or pipe delays no answer. Without it, a process can fork workers safely.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._waiting: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        super().__init__(self._waiting)
        self._writer = _LineWriter(stream, self._waiting)
        self._listener: _Listener | None = None
        self._dropped = 0

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - the base class names it so
        """Set the formatter of the writer, which formats lines in its thread."""
        self._writer.setFormatter(fmt)

    def start(self) -> None:
        """Start the thread that writes lines."""
        self._listener = _Listener(self._waiting, self._writer)
        self._listener.start()

    def stop(self) -> None:
        """Write all waiting lines and end the thread. From now on, lines are written directly."""
        self.acquire()  # a line that another thread is enqueuing must come before the sentinel
        listener, self._listener = self._listener, None
        self.release()
        if listener is not None:
            listener.stop()
            self._writer.write_held()
            self._report_dropped()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return `record` unchanged: it stays in this process, and needs no pickling."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a record for the thread, or write it if there is none."""
        if self._listener is None:
            self._writer.handle(record)
        elif self._waiting.qsize() >= MAX_WAITING:
            self._dropped += 1
        else:
            self._report_dropped()
            self._waiting.put_nowait(record)

    def close(self) -> None:
        """Stop the thread, at the end of the process or when logging is configured again."""
        self.stop()
        super().close()

    def _report_dropped(self) -> None:
        if self._dropped:
            text, dropped = "%d lines were dropped because stderr was too slow", (self._dropped,)
            self._dropped = 0
            self.enqueue(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, dropped, None))


class _Listener(QueueListener):
    """Takes lines from the queue in its thread, and pauses when it is empty, so that lines come in batches."""

    def __init__(self, waiting: SimpleQueue[logging.LogRecord | None], writer: logging.Handler) -> None:
        super().__init__(waiting, writer)
        self._waiting = waiting

    def dequeue(self, block: bool) -> logging.LogRecord:  # noqa: FBT001 - the signature of the base class
        """Return the next record, or wait for it."""
        if self._waiting.empty():
            time.sleep(PAUSE_SECONDS)
        return super().dequeue(block)


class _LineWriter(logging.StreamHandler[TextIO]):
    """Writes waiting lines together, up to the number of bytes that a pipe writes atomically.

    Workers share stderr: the parts of a longer write could mix with another worker's lines.
    """

    def __init__(self, stream: TextIO | None, waiting: SimpleQueue[logging.LogRecord | None]) -> None:
        super().__init__(stream)
        self._waiting = waiting
        self._lines: list[str] = []
        self._bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record, or hold it to be written with the ones that wait behind it."""
        try:
            self._hold(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - like every handler: an error of the log must not fail a request
            self.handleError(record)
        if self._waiting.empty():
            self.write_held()

    def _hold(self, line: str) -> None:
        size = len(line.encode())
        if self._bytes + size > select.PIPE_BUF:
            self.write_held()
        self._lines.append(line)
        self._bytes += size

    def write_held(self) -> None:
        """Write the lines that were held."""
        if not self._lines:
            return
        text = "".join(self._lines)
        self._lines.clear()
        self._bytes = 0
        try:
            self.stream.write(text)
            self.flush()
        except Exception:  # noqa: BLE001 - such as a full disk
            self.handleError(logging.makeLogRecord({"msg": text}))


@contextmanager
def written_by_a_thread() -> Iterator[None]:
    """In the block, a thread writes the lines of this process. At the end, all of them are written."""
    handlers = {handler for name in _LOGGERS for handler in logging.getLogger(name).handlers}
    started = [handler for handler in handlers if isinstance(handler, StderrHandler)]
    for handler in started:
        handler.start()
    try:
        yield
    finally:
        for handler in started:
            handler.stop()


def configuration(level: str) -> dict[str, Any]:
    """Return a configuration for `logging.config` that writes lines of at least `level` to stderr as JSON.

    It covers the package's loggers and the server's.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"()": StderrHandler, "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False} for name in _LOGGERS},
    }
