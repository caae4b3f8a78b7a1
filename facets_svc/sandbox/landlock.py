"""Landlock: the kernel restricts this process to reading some files, without other access to files or network.

The numbers are those of `linux/landlock.h`, which are the same on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_READ_FILE: Final = 1 << 2
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""The number of rights to files, by version; each is one bit."""

_NETWORK: Final = 0b11  # bind and connect, of TCP; from version 4
_SCOPES: Final = 0b11  # abstract sockets and signals; from version 6

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the kernel's version of Landlock; 0 if it has none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def restrict_to(files: Iterable[str]) -> bool:
    """Restrict this process and its new threads to reading `files`, and return whether that worked.

    Files that do not exist are ignored. Requires no_new_privs.
    """
    known = version()
    if not known:
        return False
    rights = (1 << _FILE_RIGHTS.get(known, 16)) - 1
    attributes = struct.pack("QQQ", rights, _NETWORK, _SCOPES)[: 8 if known < 4 else 16 if known < 6 else 24]
    rules = int(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    if rules < 0:
        return False
    try:
        for file in files:
            with suppress(FileNotFoundError):
                _allow(rules, file)
        return bool(_libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(rules: int, file: str) -> None:
    opened = os.open(file, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", _READ_FILE, opened)
        if _libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock takes no rule")
    finally:
        os.close(opened)
