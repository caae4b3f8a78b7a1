"""A filter that refuses system calls which write files, start programs, or communicate with other processes.

It lists refused calls, as a second line of defence: a list of all calls that Python and DuckDB need would break with
the next version of either. Refused calls fail with EPERM.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import Final

_PR_GET_SECCOMP: Final = 21
_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_IF_ANY: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_KILL: Final = 0x80000000

_NUMBER: Final = 0  # the offsets in `struct seccomp_data`
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_THREAD: Final = 0x00010000  # CLONE_THREAD
_X32: Final = 0x40000000

_X86_64: Final = {
    "open": 2, "kill": 62, "ptrace": 101, "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46,
    "bind": 49, "listen": 50, "socketpair": 53, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "shmget": 29,
    "msgget": 68, "semget": 64, "truncate": 76, "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85,
    "link": 86, "unlink": 87, "symlink": 88, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94,
    "utime": 132, "mknod": 133, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "setxattr": 188,
    "lsetxattr": 189, "fsetxattr": 190, "utimes": 235, "mq_open": 240, "add_key": 248, "request_key": 249,
    "keyctl": 250, "openat": 257, "mkdirat": 258, "mknodat": 259, "fchownat": 260, "futimesat": 261, "unlinkat": 263,
    "renameat": 264, "linkat": 265, "symlinkat": 266, "fchmodat": 268, "unshare": 272, "utimensat": 280,
    "fallocate": 285, "accept4": 288, "perf_event_open": 298, "name_to_handle_at": 303, "open_by_handle_at": 304,
    "sendmmsg": 307, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "renameat2": 316,
    "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323, "tkill": 200, "tgkill": 234,
    "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "prlimit64": 302, "setpriority": 141, "sched_setparam": 142,
    "sched_setscheduler": 144, "sched_setaffinity": 203, "sched_setattr": 314, "ioprio_set": 251,
}  # fmt: skip
_AARCH64: Final = {
    "kill": 129, "ptrace": 117, "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "accept": 202,
    "connect": 203, "sendto": 206, "sendmsg": 211, "clone": 220, "execve": 221, "shmget": 194, "msgget": 186,
    "semget": 190, "truncate": 45, "ftruncate": 46, "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "mq_open": 180,
    "add_key": 217, "request_key": 218, "keyctl": 219, "openat": 56, "mkdirat": 34, "mknodat": 33, "fchownat": 54,
    "fchown": 55, "fchmod": 52, "fchmodat": 53, "unlinkat": 35, "renameat": 38, "linkat": 37, "symlinkat": 36,
    "unshare": 97, "utimensat": 88, "fallocate": 47, "accept4": 242, "perf_event_open": 241, "name_to_handle_at": 264,
    "open_by_handle_at": 265, "sendmmsg": 269, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
    "renameat2": 276, "memfd_create": 279, "bpf": 280, "execveat": 281, "userfaultfd": 282, "mount": 40, "umount2": 39,
    "pivot_root": 41, "chroot": 51, "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240,
    "prlimit64": 261, "setpriority": 140, "sched_setparam": 118, "sched_setscheduler": 119, "sched_setaffinity": 122,
    "sched_setattr": 274, "ioprio_set": 30,
}  # fmt: skip
_EVERYWHERE: Final = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsmount": 432, "pidfd_open": 434, "clone3": 435, "openat2": 437,
    "pidfd_getfd": 438, "mount_setattr": 442, "memfd_secret": 447, "fchmodat2": 452,
}  # fmt: skip
_NOT_THERE: Final = {"clone3", "openat2"}
"""Calls whose arguments a filter cannot read. They fail with ENOSYS, so that libraries use the older calls."""

_MACHINES: Final = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


_libc = ctypes.CDLL(None, use_errno=True)


def is_there() -> bool:
    """Return whether this kernel can filter calls, and the filter knows this architecture."""
    return platform.machine() in _MACHINES and _libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0


def restrict() -> bool:
    """Filter the calls of this process and its new threads, and return whether that worked. Requires no_new_privs."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    code = ctypes.create_string_buffer(program(*machine))
    instructions = _Program((len(code) - 1) // 8, ctypes.cast(code, ctypes.c_void_p))
    return bool(_libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(instructions), 0, 0) == 0)


def program(architecture: int, calls: dict[str, int]) -> bytes:
    """Return the filter of one architecture, whose `calls` are numbers by name, in classic BPF."""
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for name, number in {**calls, **_EVERYWHERE}.items():
        if name in {"open", "openat"}:
            flags = _ARGUMENTS + 8 * (1 if name == "open" else 2)
            lines += _when(number, flags, (_JUMP_IF_ANY, 0, 1, _WRITING))
        elif name == "clone":
            lines += _when(number, _ARGUMENTS, (_JUMP_IF_ANY, 1, 0, _THREAD))
        elif name in {"tgkill", "prlimit64"}:  # a process may end itself, and read its own limits
            own = os.getpid() if name == "tgkill" else 0
            lines += _when(number, _ARGUMENTS, (_JUMP_EQUAL, 1, 0, own))
        else:
            refusal = 0x00050000 | errno.ENOSYS if name in _NOT_THERE else _REFUSE
            lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, refusal)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _when(number: int, argument: int, condition: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    """Return instructions that refuse the call `number` if its `argument` (the lower half) meets `condition`."""
    return [
        (_JUMP_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, argument),
        condition,
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
