"""Which exceptions are the fault of a machine, and not of the job that it worked on."""

import errno

# Out of disk, quota, memory, file handles or processes; a disk that fails, or has become read-only.
_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
        errno.EIO,
        errno.EROFS,
    }
)


def is_machine_fault(error: BaseException) -> bool:
    """Return whether an exception, or what caused it, says that the machine lacks something or fails.

    Args:
        error: The exception; of a group, all must be of that kind.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_machine_fault(each) for each in error.exceptions)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno in _ERRNOS):
            return True
        cause = cause.__cause__
    return False
