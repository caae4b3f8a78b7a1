"""Sail in a process of its own, which a test may stop, hold and start again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Sail:
    """A Spark Connect server at `endpoint`; what it says goes into a file in `folder`."""

    def __init__(self, folder: Path, *, environment: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.endpoint = f"sc://127.0.0.1:{self.port}"
        self.log = folder / "sail.log"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-m", "pysail", "spark", "server", "--port", str(self.port)],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise AssertionError(f"Sail ended: {self.log.read_text(encoding='utf-8')[-2000:]}")
            with socket.socket() as connecting:
                if connecting.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("Sail did not listen within a minute.")

    def kill(self) -> None:
        """Kill it, whatever it does."""
        # Taken in one step: a thread of a test kills it while the test ends.
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def await_work(self) -> None:
        """Wait until it works on something, by the processor time that it takes."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        before = _seconds(process)
        until = time.monotonic() + 60
        while _seconds(process) < before + 0.5:
            assert time.monotonic() < until, "Sail does not work"
            time.sleep(0.02)

    def hold(self) -> None:
        """Stop its clock: it answers nothing, and its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
