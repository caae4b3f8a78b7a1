"""Attempts of an attacker who controls the process of a query, each in a confined process."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from facets_svc.sandbox import confinement, landlock, seccomp

MEMORY = 256 * 2**20


def outcome(attempt: Callable[[], object], *readable: Path, memory_bytes: int = MEMORY, seconds: float = 30) -> str:
    """Return what comes of `attempt` in a process that is confined as that of a query: `done`, an error, or its end."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        told = "done"
        try:
            confinement.give_up(keep=writing, memory_bytes=memory_bytes, seconds=seconds)
            confinement.read_only(map(str, readable))
            attempt()
        except OSError as error:
            told = errno.errorcode.get(error.errno or 0, "OSError")
        except BaseException as error:  # noqa: BLE001 - told to the test
            told = type(error).__name__
        finally:
            os.write(writing, told.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told_by:
        told = told_by.read().decode()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return told if code == 0 else signal.Signals(-code).name


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "ours.parquet"
    path.write_text("ours")
    return path


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.parquet"
    path.write_text("theirs")
    return path


def test_this_machine_confines_as_it_is_meant_to() -> None:
    """Elsewhere a kernel may lack Landlock or seccomp; here both are, so that the other tests mean something."""
    assert landlock.version() >= 1
    assert outcome(lambda: None) == "done"


def test_its_own_files_can_be_read(ours: Path) -> None:
    assert outcome(ours.read_text, ours) == "done"


def test_nothing_else_can_be_read(ours: Path, theirs: Path) -> None:
    link = ours.with_name("link")
    link.symlink_to(theirs)
    for path in (
        theirs,
        link,
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
        Path(__file__),
        Path("/proc/1/environ"),
    ):
        assert outcome(path.read_bytes, ours) in {"EACCES", "EPERM"}, path
    for folder in (ours.parent, Path("/"), Path("/proc")):
        assert outcome(lambda folder=folder: list(folder.iterdir()), ours) == "EACCES", folder  # type: ignore[misc]


def test_nothing_can_be_written(ours: Path) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: ours.write_text("x"),
        lambda: ours.open("a"),
        lambda: ours.open("r+"),
        lambda: ours.with_name("new").write_text("x"),
        lambda: Path("/dev/shm/facets-new").write_text("x"),  # noqa: S108
        lambda: os.truncate(ours, 0),
        ours.unlink,
        lambda: ours.rename(ours.with_name("moved")),
        lambda: ours.with_name("folder").mkdir(),
        lambda: ours.with_name("link").symlink_to(ours),
        lambda: os.link(ours, ours.with_name("hard")),
        lambda: ours.chmod(0o777),
        lambda: os.utime(ours),
        lambda: os.memfd_create("x"),
        lambda: os.mkfifo(ours.with_name("fifo")),
    ]
    before = (ours.stat(), sorted(ours.parent.iterdir()))
    for number, attempt in enumerate(attempts):
        assert outcome(attempt, ours) in {"EACCES", "EPERM"}, number
    assert (ours.stat().st_mode, ours.stat().st_mtime_ns, ours.read_text()) == (
        before[0].st_mode,
        before[0].st_mtime_ns,
        "ours",
    )
    assert sorted(ours.parent.iterdir()) == before[1]


def test_nobody_can_be_talked_to() -> None:
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
        assert outcome(lambda family=family: socket.socket(family)) == "EPERM"  # type: ignore[misc]
    assert outcome(socket.socketpair) == "EPERM"


def test_nothing_can_be_started_and_nobody_can_be_signalled() -> None:
    parent = os.getpid()
    attempts: list[Callable[[], object]] = [
        lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
        os.fork,
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.kill(parent, 0),
        lambda: os.kill(parent, signal.SIGTERM),
        lambda: signal.pidfd_send_signal(os.pidfd_open(parent), 0),
        lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
    ]
    for number, attempt in enumerate(attempts):
        assert outcome(attempt) in {"EACCES", "EPERM"}, number


def test_threads_can_be_started_and_are_as_confined(theirs: Path) -> None:
    told: list[int | None] = []

    def read() -> None:
        try:
            theirs.read_text()
        except OSError as error:
            told.append(error.errno)

    def attempt() -> None:
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        assert told == [errno.EACCES]

    assert outcome(attempt) == "done"


def test_no_descriptor_of_before_is_open(theirs: Path) -> None:
    with theirs.open() as file:
        number = file.fileno()
        assert outcome(lambda: os.read(number, 1)) == "EBADF"
        assert outcome(lambda: os.write(1, b"x")) == "done"  # to nowhere


def test_memory_and_processor_time_end() -> None:
    assert outcome(lambda: bytearray(2 * MEMORY)) == "MemoryError"
    assert outcome(lambda: bytearray(MEMORY // 4)) == "done"

    def forever() -> None:
        while True:
            pass

    assert outcome(forever, seconds=-1) in {"SIGXCPU", "SIGKILL"}


def test_the_process_goes_with_its_parent_and_gives_way_to_all_others() -> None:
    def attempt() -> None:
        assert os.getpriority(os.PRIO_PROCESS, 0) == 19
        status = dict(line.split(":\t", 1) for line in known.splitlines())
        assert status["NoNewPrivs"].strip() == "1"

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        confinement.give_up(keep=writing, memory_bytes=MEMORY, seconds=10)
        os.write(writing, Path("/proc/self/status").read_bytes())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told_by:
        known = told_by.read()
    os.waitpid(pid, 0)
    assert outcome(attempt) == "done"


def test_the_filter_is_one_for_each_architecture() -> None:
    programs = {name: seccomp.program(*machine) for name, machine in seccomp._MACHINES.items()}
    assert set(programs) == {"x86_64", "aarch64"}
    for program in programs.values():
        assert len(program) % 8 == 0
        assert len(program) // 8 < 4096  # what the kernel takes
