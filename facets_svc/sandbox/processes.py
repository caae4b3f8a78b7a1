"""The service's end of the fork server: starts it, sends it queries, and receives their outcomes."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any, Final

import msgspec

from facets_svc.errors import DeadlineExceeded, Unavailable
from facets_svc.sandbox import messages
from facets_svc.sandbox.messages import Outcome, Task

START_SECONDS: Final = 30
GRACE_SECONDS: Final = 2
"""Seconds after the deadline of a query within which the fork server must report, before it is replaced."""

_ENDINGS_IN_TIME: Final = {-signal.SIGXCPU}
_ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    # No further threads: a process with several threads cannot be forked safely.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[2:]; from facets_svc.sandbox.forkserver import main; main()"

_logger = logging.getLogger(__name__)


class Ended(Exception):
    """The process of a query ended without an answer, before its deadline; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        """Keep the code."""
        super().__init__(f"The process of a query ended with {code}.")
        self.code = code


class _ServerLost(Exception):
    """The fork server ended before the process of a query did."""


class Processes:
    """Runs tasks, each in its own process, by a fork server that the first task starts. One event loop uses it."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting: asyncio.Future[tuple[subprocess.Popen[bytes], socket.socket]] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the fork server; None if it does not run."""
        return None if self._server is None else self._server.pid

    async def run(self, task: Task, seconds: float, *, most_bytes: int | None = None) -> tuple[Outcome, bytes]:
        """Return the outcome of `task`, and its answer of at most `most_bytes` (default: the task's limit).

        Raises `DeadlineExceeded` after `seconds`, `Ended` if the process ended without an answer, `Unavailable` if the
        fork server cannot be started. If the caller is cancelled, the process is killed.
        """
        for _ in range(2):
            with suppress(_ServerLost):
                return await self._run(task, seconds, task.limits.bytes if most_bytes is None else most_bytes)
        raise Unavailable("The service cannot run queries now. Retry later.") from RuntimeError(
            "The fork server died twice"
        )

    async def _run(self, task: Task, seconds: float, most_bytes: int) -> tuple[Outcome, bytes]:
        server, control = await self._running()
        work, work_there = socket.socketpair()
        cancel, cancel_there = socket.socketpair()
        with work, cancel:
            work.settimeout(0)
            cancel.settimeout(0)
            order = json.dumps({"seconds": seconds, "memory_bytes": task.limits.memory_bytes}).encode()
            try:
                with work_there, cancel_there:
                    socket.send_fds(control, [order], [work_there.fileno(), cancel_there.fileno()])
                async with asyncio.timeout(seconds + GRACE_SECONDS):
                    return await _exchange(task, work, cancel, most_bytes)
            except TimeoutError:
                _logger.warning("The fork server did not end its processes and is replaced")
                self._stop(server)
                raise DeadlineExceeded("The query exceeded its deadline and was stopped.") from None
            except (OSError, _ServerLost):
                _logger.warning("The fork server died and is replaced")
                self._stop(server)
                raise _ServerLost from None

    def stop(self) -> None:
        """End the fork server and its processes."""
        self._stop(self._server)

    def _stop(self, server: subprocess.Popen[bytes] | None) -> None:
        """End `server`, if it is still the one in use."""
        if server is None or server is not self._server:
            return
        control = self._control
        self._server = self._control = self._starting = None
        if control is not None:
            control.close()
        server.kill()
        server.wait()

    async def _running(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """Return the fork server and its control socket, after starting it if necessary.

        A start continues if the caller is cancelled. Raises `Unavailable`.
        """
        if self._server is not None and self._server.poll() is not None:
            _logger.warning("The fork server ended with %d and is replaced", self._server.returncode)
            self.stop()
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
            self._starting.add_done_callback(_take_note)
        return await asyncio.shield(self._starting)

    async def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(0)
        with theirs:
            command = [sys.executable, "-I", "-c", _PROGRAM, str(theirs.fileno()), *sys.path]
            server = subprocess.Popen(  # noqa: ASYNC220, S603 - our own program; it takes no time
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._server, self._control = server, ours
        ready = b""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(START_SECONDS):
                ready = await asyncio.get_running_loop().sock_recv(ours, 256)
        if not ready:
            self.stop()
            raise Unavailable("The service cannot run queries now. Retry later.") from RuntimeError(
                "The fork server did not start"
            )
        for means, is_there in json.loads(ready).items():
            if not is_there:
                _logger.warning("Queries run without %s, which this machine does not support", means)
        return server, ours


def _take_note(start: asyncio.Future[Any]) -> None:
    if not start.cancelled():
        start.exception()  # all callers may have been cancelled


async def _exchange(task: Task, work: socket.socket, cancel: socket.socket, most_bytes: int) -> tuple[Outcome, bytes]:
    loop = asyncio.get_running_loop()
    with suppress(OSError):  # the process may have ended already; the cancel socket has its exit code
        await loop.sock_sendall(work, msgspec.json.encode(task))
        work.shutdown(socket.SHUT_WR)
    received = await _received(loop, work, most_bytes)
    ending = await loop.sock_recv(cancel, 256)
    if received is not None:
        return received
    if not ending:
        raise _ServerLost
    how = json.loads(ending)
    if how["late"] or how["code"] in _ENDINGS_IN_TIME:
        raise DeadlineExceeded("The query exceeded its deadline and was stopped.")
    raise Ended(how["code"])


async def _received(
    loop: asyncio.AbstractEventLoop, work: socket.socket, most_bytes: int
) -> tuple[Outcome, bytes] | None:
    """Return the outcome and answer that the process sends; None if they are incomplete or invalid."""
    parts = bytearray()
    most = messages.LENGTH.size + messages.MAX_OUTCOME_BYTES + most_bytes
    while len(parts) <= most:
        try:
            part = await loop.sock_recv(work, 256 * 1024)
        except OSError:
            return None
        if not part:
            break
        parts += part
    else:
        work.shutdown(socket.SHUT_RDWR)  # the process sends more than the limit
        return None
    if len(parts) < messages.LENGTH.size:
        return None
    (length,) = messages.LENGTH.unpack_from(parts)
    start = messages.LENGTH.size
    try:
        outcome = messages.decode(bytes(parts[start : start + length]))
    except msgspec.MsgspecError:
        return None
    content = bytes(parts[start + length :])
    return (outcome, content) if len(content) == outcome.size else None
