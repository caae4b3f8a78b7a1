"""The fork server: a process that has loaded all modules, opened no files, and forks a process for each query.

It receives two sockets per query. The *work* socket goes to the new process, which reads its task from it and answers
on it. The *cancel* socket stays here: when its other end is closed, or the deadline passes, the fork server kills the
process; when the process ends, the fork server sends its exit code there. It never reads data of a client.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import pyarrow as pa

from facets_svc.analyst import cookbook
from facets_svc.analyst.formats import rows_of
from facets_svc.analyst.running import Answer, Column
from facets_svc.analyst.tables import tables
from facets_svc.sandbox import answering, confinement, functions, messages, spool
from facets_svc.sandbox.messages import Limits, Task

MAX_TASK_BYTES: Final = 16 * 1024 * 1024
RECURSION: Final = 20_000
"""Python's recursion limit in the process of a query: its judge reads trees as deep as DuckDB makes them."""

_CHUNK_BYTES: Final = 1024 * 1024
_ORDER_BYTES: Final = 256


@dataclass(slots=True)
class _Running:
    """The process of a query: its id, its descriptor, its cancel socket, and its deadline by `time.monotonic`."""

    pid: int
    process: int
    cancel: socket.socket
    deadline: float
    late: bool = False


class ForkServer:
    """Starts the processes of queries, and kills those that are late or cancelled. It has one thread and no locks."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._by_process: dict[int, _Running] = {}
        self._by_cancel: dict[int, _Running] = {}

    def serve(self) -> None:
        """Serve until the other end of `control` is closed. Running processes then end with this one."""
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll(self._wait_milliseconds())}
            for descriptor in ready & self._by_process.keys():
                self._end(self._by_process[descriptor])
            for descriptor in ready & self._by_cancel.keys():
                self._kill(self._by_cancel[descriptor])
            # Last, because a new process may get the numbers of descriptors that were just closed.
            if self._control.fileno() in ready and not self._take_order():
                return
            now = time.monotonic()
            for running in self._by_process.values():
                if now >= running.deadline and not running.late:
                    running.late = True
                    self._kill(running)

    def _wait_milliseconds(self) -> float | None:
        waits = [running.deadline - time.monotonic() for running in self._by_process.values() if not running.late]
        return max(0.0, min(waits)) * 1000 + 1 if waits else None

    def _take_order(self) -> bool:
        order, descriptors, _, _ = socket.recv_fds(self._control, _ORDER_BYTES, 2)
        if not order:
            return False
        work, cancel = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        given = json.loads(order)
        deadline = time.monotonic() + given["seconds"]
        with work:
            self._start(work, cancel, deadline, given)
        return True

    def _start(self, work: socket.socket, cancel: socket.socket, deadline: float, given: dict[str, float]) -> None:
        pid = os.fork()
        if pid == 0:
            run_query(work.detach(), memory_bytes=int(given["memory_bytes"]), seconds=given["seconds"])
        running = _Running(pid, os.pidfd_open(pid), cancel, deadline)
        self._by_process[running.process] = running
        self._by_cancel[cancel.fileno()] = running
        self._poll.register(running.process, select.POLLIN)
        self._poll.register(cancel, 0)  # reports only that the other end was closed

    def _kill(self, running: _Running) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(running.process, signal.SIGKILL)
        if running.cancel.fileno() in self._by_cancel:
            del self._by_cancel[running.cancel.fileno()]
            self._poll.unregister(running.cancel)

    def _end(self, running: _Running) -> None:
        """Reap a process that has ended, and send its exit code to the cancel socket."""
        _, status = os.waitpid(running.pid, 0)
        self._poll.unregister(running.process)
        del self._by_process[running.process]
        os.close(running.process)
        if running.cancel.fileno() in self._by_cancel:
            del self._by_cancel[running.cancel.fileno()]
            self._poll.unregister(running.cancel)
        how = {"late": running.late, "code": os.waitstatus_to_exitcode(status)}
        with suppress(OSError):
            running.cancel.send(json.dumps(how).encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        running.cancel.close()


def run_query(work: int, *, memory_bytes: int, seconds: float) -> None:
    """Run one query in this process: read the task from `work`, write the answer to it, and exit. Never returns."""
    try:
        confinement.give_up(keep=work, memory_bytes=memory_bytes, seconds=seconds)
        task = msgspec.json.decode(_read(work), type=Task)
        confinement.read_only(file for files in task.snapshots for file in files.files)
        outcome, content = answering.answer(task)
        for part in messages.encode(outcome, content):
            _write(work, part)
    finally:
        os._exit(0)


def _read(work: int) -> bytes:
    parts = []
    size = 0
    while part := os.read(work, _CHUNK_BYTES):
        parts.append(part)
        size += len(part)
        if size > MAX_TASK_BYTES:
            raise ValueError
    return b"".join(parts)


def _write(work: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(work, rest[:_CHUNK_BYTES]) :]


_VALUES = {
    "text": "a",
    "number": 1,
    "decimal": Decimal("1.5"),
    "time": datetime(2026, 11, 24, tzinfo=UTC),
    "date": datetime(2026, 11, 24, tzinfo=UTC).date(),
    "clock": datetime(2026, 11, 24, tzinfo=UTC).time(),
    "span": timedelta(seconds=1),
    "bytes": b"a",
    "list": ["a"],
    "struct": {"a": 1},
    "nothing": None,
}


class _WithoutPandas:
    """An import hook that hides pandas: Arrow would import it to convert Python values, which takes long."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise `ModuleNotFoundError` for pandas; ignore other modules."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not loaded here.")


def _warm() -> None:
    """Load the definitions, the cookbook and the lists of functions, and encode one row in every form."""
    sys.meta_path.insert(0, _WithoutPandas())
    cookbook.cookbook()
    tables()
    functions.may_call("")
    functions.may_read("")
    batch = pa.RecordBatch.from_pylist([_VALUES])
    columns = tuple(Column(name, "VARCHAR") for name in _VALUES)
    limits = Limits(rows=1, bytes=2**20, seconds=1, memory_bytes=1)
    for form in spool.MEDIA_TYPES:
        spool.spool(Answer(columns, batch.schema, iter([batch])), form, limits)
    list(rows_of(batch))
    duckdb.default_connection().close()  # it parsed the statements; closing it ends its threads


def main() -> None:
    """Run the fork server. The first argument is the descriptor of its control socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when the process that started it ends
    sys.setrecursionlimit(RECURSION)
    _warm()
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError("A process with several threads cannot be forked safely.")
    gc.collect()
    gc.freeze()
    control.send(msgspec.json.encode(confinement.means()))
    ForkServer(control).serve()
