"""Restricts this process by Landlock, for good: what the kernel enforces depends on its version (landlock(7)).

From then on it and its children can run no program, open no TCP connection, read the memory or environment of no
process outside, and signal none. With a folder of its own it writes nowhere else, and reads only that folder and what
Python and libraries need.
"""

import ctypes
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# The same numbers on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1  # flag of landlock_create_ruleset: return the version of the interface
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS, prctl(2)

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
# Removing and making entries of all kinds. Devices and sockets are never made, so no rule allows them.
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_MAKE_CHAR, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 10, 1 << 11
_REFER = 1 << 13  # rename between folders; since version 2, Linux 5.19
_TRUNCATE = 1 << 14  # since version 3, Linux 6.2
_READ = _READ_FILE | _READ_DIR
_FILES_ONLY = _WRITE_FILE | _READ_FILE | _TRUNCATE
_WRITE = (
    _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER | _TRUNCATE
)  # fmt: skip
_NEVER = _EXECUTE | _MAKE_CHAR | _MAKE_SOCK | _MAKE_FIFO | _MAKE_BLOCK

_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1  # since version 4, Linux 6.7
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1  # since version 6, Linux 6.12

# What the C library, FFmpeg, OpenCV and fontconfig read at run time, beside the folders of Python and its packages.
_SYSTEM_PATHS = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu"),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
)
# Names of the folders into which packages are installed; the second is Debian's.
_PACKAGE_FOLDERS = frozenset({"site-packages", "dist-packages"})


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr: what is denied unless a rule allows it."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr: what is allowed below a path."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_version() -> int:
    """Return the version of Landlock that the kernel offers, from 1; 0 where it offers none."""
    if sys.platform != "linux":
        return 0
    version = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    return max(0, int(version))


def restrict_by_landlock(folder: Path | None, readable: Iterable[Path] = ()) -> None:
    """Restrict this process as far as the kernel offers it.

    Args:
        folder: The only folder that the process may change. None leaves files unrestricted, except that none is run.
        readable: Files and folders that it may read as well.

    Raises:
        OSError: The kernel refuses.
    """
    version = landlock_version()
    if version == 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    files = _files(version) if folder is not None else _EXECUTE
    network = _BIND_TCP | _CONNECT_TCP if version >= 4 else 0
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = _Ruleset(files, network, scoped)
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0))
    try:
        if folder is not None:
            for path in (*_readable(), *readable):
                _allow(libc, ruleset, path, _READ & files)
            _allow(libc, ruleset, Path("/dev/null"), (_READ | _WRITE) & files)
            _allow(libc, ruleset, folder, (_READ | _WRITE) & files)
        _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _files(version: int) -> int:
    known = _READ | _WRITE | _NEVER
    if version < 2:
        known &= ~_REFER
    if version < 3:
        known &= ~_TRUNCATE
    return known


def _readable() -> Iterator[Path]:
    yield from map(Path, _SYSTEM_PATHS)
    yield from map(Path, {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix})
    # Packages may lie elsewhere (PYTHONPATH, .pth files). A folder that is not for packages alone may hold settings and
    # keys beside them: there, only the packages that are loaded are readable.
    yield from (entry for entry in map(Path, sys.path) if entry.name in _PACKAGE_FOLDERS)
    for name, module in tuple(sys.modules.items()):
        if "." not in name:
            yield from map(Path, getattr(module, "__path__", ()))
    yield from map(Path, filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":")))


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    """Allow access to a file, or to all below a folder; a path that does not exist needs no rule."""
    if sys.platform != "linux":  # no other system has Landlock
        return
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _FILES_ONLY
        rule = _PathBeneath(access, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
