"""What a process gives up before it reads a stranger's statement; nothing of it can be taken back.

What every Linux has is required; what some do not have (Landlock, seccomp) is used where it is there.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from facets_svc.sandbox import landlock, seccomp

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

_NICENESS: Final = 19
"""The last of all: facets are answered in threads of niceness 10 (`facets_svc.service.pool`)."""
_DESCRIPTORS: Final = 256
_CPU_SPARE_SECONDS: Final = 2
"""Processor time beyond the deadline, for what answers it: the clock is the limit, this is one for when it fails."""

_ENGINE_READS: Final = ("/proc/self/cgroup", "/sys/fs/cgroup")
"""How much memory and how many cores there are: DuckDB reads it when it starts, and 2.0 ends if it may not."""

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> bool:
    """Set an attribute of this process; tell whether it worked."""
    return bool(_libc.prctl(option, value, 0, 0, 0) == 0)


def give_up(*, keep: int, memory_bytes: int, seconds: float) -> None:
    """Give up descriptors, memory, processor time and files, and die with the parent.

    `keep` is the one descriptor that stays open beside the standard ones, which lead nowhere. Memory is what comes on
    top of what the process has already.
    """
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as score:  # noqa: PTH123
        score.write(b"1000")  # where the machine runs out of memory, this is what has to go
    prctl(_PR_SET_DUMPABLE, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    limits = {
        resource.RLIMIT_AS: _address_space_bytes() + memory_bytes,
        resource.RLIMIT_CPU: int(seconds) + _CPU_SPARE_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _DESCRIPTORS,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def means() -> dict[str, bool]:
    """Return which of the means that not every kernel has are there."""
    return {"Landlock": landlock.version() > 0, "seccomp": seccomp.is_there()}


def read_only(files: Iterable[str]) -> None:
    """Leave nothing of the file system and the network but `files`, to be read, where the kernel can do that."""
    landlock.restrict_to((*_ENGINE_READS, *files))
    seccomp.restrict()


def _address_space_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - no object is needed for this
        return int(file.read().split()[0]) * resource.getpagesize()
