"""The real server over loopback, asked by raw sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path

from facets_svc.settings import Settings
from tests.web.client import FACETS, SECRET, token

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    lake: Path
    log: Path

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, target: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        with self.connect() as connection:
            return ask(connection, target, *headers, method=method)

    def snapshot(self) -> str:
        return self.ask(FACETS, ACME)[1]["x-snapshot-id"]

    def take_up(self, snapshot_id: str) -> None:
        """Make a snapshot current."""
        (self.lake / "CURRENT").write_text(snapshot_id)
        self.process.send_signal(signal.SIGHUP)
        while f'"{snapshot_id}"' not in self.ask("/health/ready")[2].decode():
            time.sleep(0.02)

    def workers(self) -> list[int]:
        """The process ids of the server's workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [
            int(child) for child in children if "resource_tracker" not in Path(f"/proc/{child}/cmdline").read_text()
        ]

    def await_answer(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("/health/ready")
            except OSError:
                assert time.monotonic() < deadline
                assert self.process.poll() is None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60), self.log.read_text()


def ask(
    connection: socket.socket, target: str, *headers: str, method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return answer(connection, method)


def answer(connection: socket.socket, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


ACME = f"Authorization: Bearer {token('acme', exp=int(time.time()) + 86400)}"


def start(lake: Path, **settings: str) -> Server:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (lake / "CURRENT").write_text("s1")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FACETS_")}
    environ |= Settings(lake=str(lake), port=port, jwt_secret=SECRET, poll_seconds=3600).to_env() | settings
    log = lake / "log"
    with log.open("wb") as lines:  # not a pipe: one that nobody reads is full after some hundred lines
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.web.serving"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=lines,
        )
    server = Server(process, port, lake, log)
    server.await_answer()
    return server
