"""Log lines as JSON, one object a line, written by a thread while the service runs."""

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
"""One line a request, written by the edge."""

PAUSE_SECONDS: Final = 0.05
"""How long the thread rests once it has written all lines: waking it for each would cost as much as an answer does."""

MAX_WAITING: Final = 10_000
"""How many lines may wait while stderr is slow. Lines beyond it are dropped and counted, so that answers go on."""


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


class StderrHandler(QueueHandler):
    """Writes lines to a stream: itself, or, while it is started, by a `QueueListener`'s thread.

    A slow disk or pipe then delays no answer. Only a process that has started the handler has the thread, so that
    workers can be forked from one that has not.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._waiting: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        super().__init__(self._waiting)
        self._writer = _LineWriter(stream, self._waiting)
        self._listener: _Listener | None = None
        self._dropped = 0

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - the base class names it so
        """Format lines by `fmt`, in the thread that writes them."""
        self._writer.setFormatter(fmt)

    def start(self) -> None:
        """Let a thread write from now on."""
        self._listener = _Listener(self._waiting, self._writer)
        self._listener.start()

    def stop(self) -> None:
        """Write every line that waits, end the thread, and write each line at once from now on."""
        self.acquire()  # a line that another thread is passing on is in the queue before its end is
        listener, self._listener = self._listener, None
        self.release()
        if listener is not None:
            listener.stop()
            self._writer.write_held()
            self._report_dropped()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return `record` as it is: it stays in this process, so that nothing has to be made fit for another one."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Pass a record to the thread, or write it where there is none."""
        if self._listener is None:
            self._writer.handle(record)
        elif self._waiting.qsize() >= MAX_WAITING:
            self._dropped += 1
        else:
            self._report_dropped()
            self._waiting.put_nowait(record)

    def close(self) -> None:
        """Stop, at the end of the process or when logging is configured anew."""
        self.stop()
        super().close()

    def _report_dropped(self) -> None:
        if self._dropped:
            text, dropped = "%d lines were dropped because stderr was too slow", (self._dropped,)
            self._dropped = 0
            self.enqueue(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, dropped, None))


class _Listener(QueueListener):
    """Takes lines from the queue in its thread: the first at once, others with those that come in the same pause."""

    def __init__(self, waiting: SimpleQueue[logging.LogRecord | None], writer: logging.Handler) -> None:
        super().__init__(waiting, writer)
        self._waiting = waiting

    def dequeue(self, block: bool) -> Any:  # noqa: FBT001 - as the base class has it
        """Return the next record, or wait for it."""
        if self._waiting.empty():
            time.sleep(PAUSE_SECONDS)
        return super().dequeue(block)


class _LineWriter(logging.StreamHandler[TextIO]):
    """Writes lines; those that wait in a queue together, up to the bytes that a pipe takes as one piece.

    Workers share their stderr: a longer piece could end within another worker's line.
    """

    def __init__(self, stream: TextIO | None, waiting: SimpleQueue[logging.LogRecord | None]) -> None:
        super().__init__(stream)
        self._waiting = waiting
        self._lines: list[str] = []
        self._bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record, or hold it back for those that wait behind it."""
        try:
            self._hold(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler does: a line that cannot be made must not fail a request
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
        """Write the lines that were held back."""
        if not self._lines:
            return
        text = "".join(self._lines)
        self._lines.clear()
        self._bytes = 0
        try:
            self.stream.write(text)
            self.flush()
        except Exception:  # noqa: BLE001 - nor must a disk that is full
            self.handleError(logging.makeLogRecord({"msg": text}))


@contextmanager
def written_by_a_thread() -> Iterator[None]:
    """While open, a thread writes the lines of this process. At the end all of them are written."""
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
    """Return the `logging.config` that writes our lines and the server's to stderr as JSON, from `level` up."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"()": StderrHandler, "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False} for name in _LOGGERS},
    }
