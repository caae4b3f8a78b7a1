"""Spark Connect servers, each in a process of its own, which a test may stop, hold and start again."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import ClassVar, Self

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
APACHE_SPARK = ROOT / ".cache" / "apache-spark" / "pyspark"
START_SECONDS = 180.0


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class SparkServer(ABC):
    """A Spark Connect server at `endpoint`; what it says goes into a file in `folder`."""

    name: ClassVar[str]

    def __init__(self, folder: Path, *, environment: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.endpoint = f"sc://127.0.0.1:{self.port}"
        self.folder = folder
        self.log = folder / "server.log"
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def cluster(cls, folder: Path) -> Self:
        """Return a server of a cluster with two workers on this machine."""

    @staticmethod
    @abstractmethod
    def missing() -> str | None:
        """Return why it cannot be started here, None if it can."""

    @staticmethod
    @abstractmethod
    def version() -> str:
        """Return its name with its version."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""

    def environment(self) -> dict[str, str]:
        """Return the variables that it is started with."""
        return dict(os.environ) | self._environment

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ours
                self.command(), stdout=log, stderr=log, env=self.environment(), cwd=self.folder, start_new_session=True
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise AssertionError(f"{self.name} ended: {self.log.read_text(encoding='utf-8')[-2000:]}")
            with socket.socket() as connecting:
                if connecting.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{self.name} did not listen within {START_SECONDS:.0f} seconds.")

    def kill(self) -> None:
        """Kill it and its workers, whatever they do."""
        # Taken in one step: a thread of a test kills it while the test ends.
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def await_work(self) -> None:
        """Wait until it works on something, by the processor time that it takes."""
        await_work(self._running())

    def hold(self) -> None:
        """Stop its clock: it answers nothing, and its connections stay."""
        self._running().suspend()

    def go_on(self) -> None:
        """Let it go on."""
        self._running().resume()

    def _running(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)


class Sail(SparkServer):
    """Sail, which speaks the protocol of Spark, from the wheel of `pysail`. Its workers are threads of its process."""

    name = "Sail"

    @classmethod
    def cluster(cls, folder: Path) -> Self:
        """Return a server of a cluster with two workers on this machine."""
        return cls(folder, environment={"SAIL_MODE": "local-cluster", "SAIL_CLUSTER__WORKER_INITIAL_COUNT": "2"})

    @staticmethod
    def missing() -> str | None:
        """Return why it cannot be started here, None if it can."""
        return None if importlib.util.find_spec("pysail") else "Sail is not installed (pip install pysail)"

    @staticmethod
    def version() -> str:
        """Return its name with its version."""
        return f"Sail {metadata.version('pysail')}"

    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""
        return [sys.executable, "-m", "pysail", "spark", "server", "--port", str(self.port)]


class ApacheSpark(SparkServer):
    """Apache Spark, from what `make soak` installs. Of `local-cluster`, each worker's executor is a process.

    `master` is the address of its cluster: `local[2]` is one process with two threads, `local-cluster[2,1,1024]` two
    workers with one core and 1,024 MB each.
    """

    name = "Apache Spark"

    def __init__(self, folder: Path, *, master: str = "local[2]") -> None:
        super().__init__(folder)
        self._master = master
        self._page = free_port()

    @classmethod
    def cluster(cls, folder: Path) -> Self:
        """Return a server of a cluster with two workers on this machine."""
        return cls(folder, master="local-cluster[2,1,1024]")

    @staticmethod
    def missing() -> str | None:
        """Return why it cannot be started here, None if it can."""
        if not (APACHE_SPARK / "bin" / "spark-submit").is_file():
            return "Apache Spark is not installed: run `make .cache/apache-spark/.installed`"
        if shutil.which("java") is None:
            return "Apache Spark needs Java, which is not installed: apt-get install default-jre-headless"
        return None

    @staticmethod
    def version() -> str:
        """Return its name with its version."""
        [jar] = (APACHE_SPARK / "jars").glob("spark-connect_*.jar")
        return f"Apache Spark {jar.stem.rpartition('-')[2]}"

    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""
        options = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            # A server lives for minutes here: what the best compiler gains in hours, it costs in seconds.
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.local.dir": str(self.folder),
            "spark.log.level": "WARN",
            # The default of 200 tasks a shuffle is for clusters, and takes seconds on two cores.
            "spark.sql.shuffle.partitions": "4",
            "spark.ui.port": str(self._page),
        }
        return [
            str(APACHE_SPARK / "bin" / "spark-submit"),
            *("--master", self._master),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
            *(part for option, value in options.items() for part in ("--conf", f"{option}={value}")),
            "spark-internal",
        ]

    def environment(self) -> dict[str, str]:
        """Return the variables that it is started with."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
        ours = {"SPARK_HOME": str(APACHE_SPARK), "SPARK_CONNECT_MODE": "0", "SPARK_LOCAL_IP": "127.0.0.1"}
        return inherited | ours | self._environment

    def executors(self) -> dict[str, psutil.Process]:
        """Return the processes that run the tasks of its workers, by the ids that it gives them."""
        found = {}
        for child in self._running().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                line = child.cmdline()
                if "--executor-id" in line:
                    found[line[line.index("--executor-id") + 1]] = child
        return found

    def tasks(self) -> dict[str, int]:
        """Return how many tasks each executor that it knows to live runs."""
        address = f"http://127.0.0.1:{self._page}/api/v1/applications"
        with httpx.Client(trust_env=False, timeout=60) as page:
            [application] = page.get(address).raise_for_status().json()
            executors = page.get(f"{address}/{application['id']}/executors").raise_for_status().json()
        return {each["id"]: each["activeTasks"] for each in executors if each["id"] != "driver" and each["isActive"]}


def await_work(process: psutil.Process) -> None:
    """Wait until a process works on something, by the processor time that it takes."""
    before = _seconds(process)
    until = time.monotonic() + 60
    while _seconds(process) < before + 0.5:
        assert time.monotonic() < until, "the server does not work"
        time.sleep(0.02)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
