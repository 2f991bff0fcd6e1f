"""Which exceptions are the fault of the machine, not of the job that it ran."""

import errno

# Out of disk space, quota, memory, buffers, file descriptors or processes; a disk that fails or has become read-only.
_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOMEM,
        errno.ENOBUFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
        errno.EIO,
        errno.EROFS,
    }
)
# Modules whose errors are OSErrors with numbers of their own: those of OpenSSL, and of name resolution.
_OTHER_NUMBERS = frozenset({"ssl", "socket"})


def is_machine_fault(error: BaseException) -> bool:
    """Return whether an exception or its cause says that the machine lacks a resource or fails.

    Args:
        error: The exception; of a group, all must be of that kind.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_machine_fault(each) for each in error.exceptions)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and _names_machine(cause)):
            return True
        cause = cause.__cause__
    return False


def _names_machine(error: OSError) -> bool:
    return error.errno in _ERRNOS and type(error).__module__ not in _OTHER_NUMBERS
