"""Filters the system calls of this process, for good (seccomp(2)): it makes no socket, process or program.

The filter names what is denied, so a library that begins to use another harmless call still works. It adds to
`landlock` what that lacks: sockets of every family, new processes, and calls by which faults of kernels are exploited.
Where the kernel or the processor is not supported, nothing is filtered.
"""

import ctypes
import errno
import os
import platform
import sys
from dataclasses import dataclass
from typing import TypeAlias

_SET_MODE_FILTER = 1  # seccomp(2)
_GET_ACTION_AVAIL = 2
_ALL_THREADS = 1  # SECCOMP_FILTER_FLAG_TSYNC
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS, prctl(2)
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_CLONE_THREAD = 0x10000

# Instructions of the classic BPF, and where the kernel's struct seccomp_data has what they read.
_LOAD, _RETURN = 0x20, 0x06
_JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT = 0x15, 0x35, 0x45
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # the argument's low half: both processors are little-endian

# Calls with the same numbers on both processors; both have 64 bits.
_DENIED_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "process_mrelease": 448,
}
_CLONE3 = 435


_Code: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Processor:
    """The numbers of system calls on one processor, from the kernel's unistd.h.

    Args:
        architecture: AUDIT_ARCH_…: what the kernel reports for a call of this kind.
        seccomp: seccomp(2) itself.
        clone: Makes threads, which are allowed, and processes, which are not.
        own_process: Calls whose first argument is a process: allowed for this one.
        denied: All others that are denied.
    """

    architecture: int
    seccomp: int
    clone: int
    own_process: tuple[int, ...]
    denied: dict[str, int]


_X86_64 = _Processor(
    architecture=0xC000003E,
    seccomp=317,
    clone=56,
    own_process=(62, 234, 302),  # kill, tgkill, prlimit64
    denied={
        "socket": 41,
        "connect": 42,
        "accept": 43,
        "accept4": 288,
        "bind": 49,
        "listen": 50,
        "socketpair": 53,
        "fork": 57,
        "vfork": 58,
        "execve": 59,
        "execveat": 322,
        "tkill": 200,
        "rt_sigqueueinfo": 129,
        "rt_tgsigqueueinfo": 297,
        "ptrace": 101,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "kcmp": 312,
        "shmget": 29,
        "semget": 64,
        "msgget": 68,
        "mq_open": 240,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "unshare": 272,
        "setns": 308,
        "mount": 165,
        "umount2": 166,
        "pivot_root": 155,
        "chroot": 161,
        "bpf": 321,
        "perf_event_open": 298,
        "userfaultfd": 323,
        "open_by_handle_at": 304,
        "init_module": 175,
        "finit_module": 313,
        "delete_module": 176,
        "kexec_load": 246,
        "kexec_file_load": 320,
        "personality": 135,
        "modify_ldt": 154,
        "iopl": 172,
        "ioperm": 173,
    },
)
_AARCH64 = _Processor(
    architecture=0xC00000B7,
    seccomp=277,
    clone=220,
    own_process=(129, 131, 261),
    denied={
        "socket": 198,
        "socketpair": 199,
        "bind": 200,
        "listen": 201,
        "accept": 202,
        "connect": 203,
        "accept4": 242,
        "execve": 221,
        "execveat": 281,
        "tkill": 130,
        "rt_sigqueueinfo": 138,
        "rt_tgsigqueueinfo": 240,
        "ptrace": 117,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "kcmp": 272,
        "shmget": 194,
        "semget": 190,
        "msgget": 186,
        "mq_open": 180,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "unshare": 97,
        "setns": 268,
        "mount": 40,
        "umount2": 39,
        "pivot_root": 41,
        "chroot": 51,
        "bpf": 280,
        "perf_event_open": 241,
        "userfaultfd": 282,
        "open_by_handle_at": 265,
        "init_module": 105,
        "finit_module": 273,
        "delete_module": 106,
        "kexec_load": 104,
        "kexec_file_load": 294,
        "personality": 92,
    },
)
_PROCESSORS = {"x86_64": _X86_64, "aarch64": _AARCH64}


class _Instruction(ctypes.Structure):
    """struct sock_filter; a jump skips so many instructions where its test is true, and where it is false."""

    _fields_ = (("code", ctypes.c_uint16), ("true", ctypes.c_uint8), ("false", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def can_filter() -> bool:
    """Return whether the kernel filters system calls, and this module knows the processor."""
    processor = _processor()
    if processor is None:
        return False
    action = ctypes.c_uint32(_ERRNO)
    return int(ctypes.CDLL(None).syscall(processor.seccomp, _GET_ACTION_AVAIL, 0, ctypes.byref(action))) == 0


def filter_system_calls() -> None:
    """Deny this process, all its threads included, the calls above: they fail with EPERM.

    Raises:
        OSError: The kernel refuses.
    """
    processor = _processor()
    if processor is None or not can_filter():
        return
    instructions = _instructions(processor, os.getpid())
    array = (_Instruction * len(instructions))(*(_Instruction(*code) for code in instructions))
    program = _Program(len(instructions), array)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0 or (
        libc.syscall(processor.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)) != 0
    ):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _processor() -> _Processor | None:
    # A program of 32 bits has other calls.
    return _PROCESSORS.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 2**32 else None


def _instructions(processor: _Processor, pid: int) -> list[_Code]:
    """Return the filter: (code, skipped if true, skipped if false, operand) for each instruction."""
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    allow = (_RETURN, 0, 0, _ALLOW)
    load_argument = (_LOAD, 0, 0, _FIRST_ARGUMENT)
    filter_ = [
        # Calls of another architecture (32 bits, x32) have other numbers.
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, processor.architecture),
        refuse,
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, 0x40000000),
        refuse,
    ]
    for number in (*processor.denied.values(), *_DENIED_EVERYWHERE.values()):
        filter_ += [(_JUMP_EQUAL, 0, 1, number), refuse]
    # Its flags are in memory, which a filter cannot read. The C library falls back to clone for ENOSYS.
    filter_ += [(_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    filter_ += [
        (_JUMP_EQUAL, 0, 4, processor.clone),
        load_argument,
        (_JUMP_ANY_BIT, 1, 0, _CLONE_THREAD),
        refuse,
        allow,
    ]
    *signals, limits = processor.own_process
    for number in signals:
        filter_ += [(_JUMP_EQUAL, 0, 4, number), load_argument, (_JUMP_EQUAL, 1, 0, pid), refuse, allow]
    # The C library's setrlimit names this process as 0.
    filter_ += [(_JUMP_EQUAL, 0, 4, limits), load_argument, (_JUMP_EQUAL, 1, 0, 0), refuse, allow]
    return [*filter_, allow]
