"""Confines this process, for good: without capabilities (capabilities(7)) and restricted by Landlock (landlock(7)).

From then on it and its children can run no program, open no TCP connection, read the memory or environment of no
process outside, and signal none. Files are not restricted: fonts, libraries and render folders lie in many places.
"""

import ctypes
import os
import sys

# The same numbers on all architectures.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION = 1  # flag of landlock_create_ruleset: return the version of the interface
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS, prctl(2)
_CAPABILITIES_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_EXECUTE = 1 << 0
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1  # since version 4, Linux 6.7
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1  # since version 6, Linux 6.12


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr: what is denied unless a rule allows it. There are no rules."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _CapabilityHeader(ctypes.Structure):
    """struct __user_cap_header_struct; process 0 is this one."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def drop_capabilities() -> None:
    """Give up all capabilities, which a process of root has.

    Raises:
        OSError: The kernel refuses.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    # Effective, permitted and inheritable, twice 32 bits of each.
    none = (ctypes.c_uint32 * 6)()
    _checked(libc.capset(ctypes.byref(_CapabilityHeader(_CAPABILITIES_3, 0)), ctypes.byref(none)))


def landlock_version() -> int:
    """Return the version of Landlock that the kernel offers, from 1; 0 where it offers none."""
    if sys.platform != "linux":
        return 0
    version = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    return max(0, int(version))


def restrict() -> None:
    """Restrict this process by Landlock, as far as the kernel offers it.

    Raises:
        OSError: The kernel refuses.
    """
    version = landlock_version()
    if version == 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    network = _BIND_TCP | _CONNECT_TCP if version >= 4 else 0
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0
    ruleset = _Ruleset(_EXECUTE, network, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    descriptor = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0))
    try:
        _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(libc.syscall(_RESTRICT_SELF, descriptor, 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
