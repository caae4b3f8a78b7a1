"""Drops the privileges of a process for good, before it reads a client's statement.

Features that every Linux has are required; Landlock and seccomp are used if the kernel has them.
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
"""The lowest priority: facets are answered in threads of niceness 10 (`facets_svc.service.pool`)."""
_DESCRIPTORS: Final = 256
_CPU_SPARE_SECONDS: Final = 2
"""Processor time beyond the deadline. The deadline is the limit; this one applies if the deadline fails."""

_ENGINE_READS: Final = ("/proc/self/cgroup", "/sys/fs/cgroup")
"""The files with the limits of memory and cores: DuckDB reads them when it starts, and 2.0 fails without them."""

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> bool:
    """Set an attribute of this process, and return whether that worked."""
    return bool(_libc.prctl(option, value, 0, 0, 0) == 0)


def give_up(*, keep: int, memory_bytes: int, seconds: float) -> None:
    """Limit this process's memory, processor time, descriptors and file sizes, and let it end with its parent.

    `keep` is the only descriptor that stays open, beside the standard ones, which become `/dev/null`. `memory_bytes` is
    the limit of further memory. `seconds` is the deadline, from which the limit of processor time follows.
    """
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as score:  # noqa: PTH123
        score.write(b"1000")  # if the machine runs out of memory, the kernel kills this process first
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
    """Return whether the kernel has each of the optional features, by their names."""
    return {"Landlock": landlock.version() > 0, "seccomp": seccomp.is_there()}


def read_only(files: Iterable[str]) -> None:
    """Restrict file system and network to reading `files`, if the kernel can do that."""
    landlock.restrict_to((*_ENGINE_READS, *files))
    seccomp.restrict()


def _address_space_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - a Path would only add an object
        return int(file.read().split()[0]) * resource.getpagesize()
