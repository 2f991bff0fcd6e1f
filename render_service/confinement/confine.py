"""Confines this process, for good: without capabilities, restricted by Landlock, and its system calls filtered."""

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from render_service.confinement.landlock import landlock_version, restrict_by_landlock
from render_service.confinement.system_calls import can_filter, filter_system_calls

_CAPABILITIES_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, capset(2)


class _CapabilityHeader(ctypes.Structure):
    """struct __user_cap_header_struct; process 0 is this one."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def confine(folder: Path | None, readable: Iterable[Path] = ()) -> None:
    """Confine this process, as far as the kernel offers it.

    Args:
        folder: The only folder that the process may change; None leaves files unrestricted.
        readable: Files and folders that it may read, beside the folder and what Python and libraries need.

    Raises:
        OSError: The kernel refuses.
    """
    _drop_capabilities()
    restrict_by_landlock(folder, readable)
    filter_system_calls()


def describe_confinement() -> str:
    """Return what the kernel enforces on compose processes, for operators."""
    version = landlock_version()
    landlock = f"Landlock version {version}" if version else "no Landlock"
    return f"{landlock}, {'system calls filtered' if can_filter() else 'no filter of system calls'}"


def _drop_capabilities() -> None:
    """Give up all capabilities, which a process of root has."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    # Effective, permitted and inheritable, twice 32 bits of each.
    none = (ctypes.c_uint32 * 6)()
    if libc.capset(ctypes.byref(_CapabilityHeader(_CAPABILITIES_3, 0)), ctypes.byref(none)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
