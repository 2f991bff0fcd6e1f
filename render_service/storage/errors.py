"""What can go wrong with the object store, and the translation of the client library's errors."""

import contextlib
from collections.abc import Iterator

from obstore.exceptions import BaseError

from render_service.domain.errors import DomainError, ErrorReason
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class StorageUnavailable(DomainError):
    """The object store cannot be reached, or refuses the operation, for now.

    Args:
        message: One sentence for callers; contains no internal URL or key.
    """

    def __init__(self, message: str = "The object store cannot be reached; try again.") -> None:
        super().__init__(ErrorReason.STORE_UNAVAILABLE, message, {"store": "object-store"}, retry_after_seconds=5)


class ObjectAbsent(LookupError):
    """There is no object under the key to be read.

    Args:
        key: The key that was asked for.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"no object {key}")
        self.key = key


@contextlib.contextmanager
def translated_errors(operation: str, key: str) -> Iterator[None]:
    """Raise the client's errors as `StorageUnavailable`; the cause goes to the log only.

    Args:
        operation: What is being done, for the log.
        key: The key concerned, for the log.

    Raises:
        StorageUnavailable: The client or the file system failed.
    """
    try:
        yield
    except (BaseError, OSError) as error:
        _log.warning("object store operation failed", operation=operation, key=key, cause=first_line(error))
        raise StorageUnavailable from error


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
