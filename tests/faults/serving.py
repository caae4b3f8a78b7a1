"""`facets-svc serve` as a process on loopback, and clients that keep asking it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.web.client import FACETS, SECRET, token

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and the headers of a member of acme."""

    process: subprocess.Popen[bytes]
    port: int
    headers: dict[str, str]

    def get(self, target: str) -> tuple[int, Any]:
        """Ask on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", target, headers=self.headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def wait_for(self, snapshot_id: str) -> None:
        """Wait until the snapshot is current here."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None
            with suppress(OSError):
                if snapshot_id in str(self.get("/health/ready")[1]):
                    return
            time.sleep(0.05)
        raise AssertionError(f"The server does not load {snapshot_id}.")

    def worker(self) -> Path:
        """The folder in /proc of the process that answers: of the server's children the one with the most memory."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return max((Path("/proc", child) for child in children), key=resident_bytes)


def resident_bytes(process: Path) -> int:
    """The memory that a process holds, from its folder in /proc."""
    return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def served(lake: Path, log: Path, **settings: str) -> Iterator[Server]:
    """Serve the lake, and look at it often; the log goes to a file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FACETS_")}
    environ |= {"FACETS_JWT_SECRET": SECRET, "FACETS_POLL_SECONDS": "0.1", "FACETS_THREADS": "1", **settings}
    headers = {"Authorization": f"Bearer {token('acme', exp=int(time.time()) + 86400)}"}
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "facets_svc", "serve", "--lake", lake, "--port", str(port)],
            cwd=ROOT,
            env=environ,
            stdout=errors,
            stderr=errors,
        )
        try:
            yield Server(process, port, headers)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one request was answered."""

    target: str
    status: int
    snapshot: str
    tag: str
    body: Any


@dataclass
class Clients:
    """Clients that ask one thing after the other, each on a connection that stays, until they are stopped."""

    server: Server
    seen: list[Seen] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _go: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self, count: int) -> Iterator[None]:
        """Ask from `count` threads while the block runs."""
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(count)]
        self._go.set()
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            self._go.set()
            for thread in threads:
                thread.join()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Ask nothing while the block runs; connections stay."""
        self._go.clear()
        time.sleep(0.5)
        yield
        self._go.set()

    def wait_for(self, answers: int) -> None:
        """Wait until so many have been answered."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.seen) < answers:
            assert not self.failures, self.failures
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            while not self._stopped.is_set():
                self._go.wait()
                number += 1
                # Every other one was asked before, and is kept; the rest has to be counted.
                target = FACETS if number % 2 else f"{FACETS}?search=model-{number % 1000}"
                connection.request("GET", target, headers=self.server.headers)
                response = connection.getresponse()
                body = json.loads(response.read())
                snapshot, tag = (response.getheader(name, "") for name in ("X-Snapshot-Id", "ETag"))
                self.seen.append(Seen(target, response.status, snapshot, tag, body))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()
