"""What can go wrong with the object store."""

from render_service.domain.errors import DomainError, ErrorReason


class StorageUnavailable(DomainError):
    """The object store cannot be reached, or refuses to work, now.

    Args:
        message: One sentence for people; names no internal address or key.
    """

    def __init__(self, message: str = "The object store cannot be reached; try again.") -> None:
        super().__init__(ErrorReason.STORE_UNAVAILABLE, message, {"store": "object-store"}, retry_after_seconds=5)


class ObjectAbsent(LookupError):
    """There is no object under the key that was to be read.

    Args:
        key: The key that was asked for.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"no object {key}")
        self.key = key
