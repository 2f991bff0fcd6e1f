"""Collects the faults of one request, so that its error lists all of them."""

from collections.abc import Iterable, Iterator

from render_service.domain.errors import FieldFault, InvalidFields

MAX_LISTED = 50
# A response's trailers contain every fault several times, and clients reject trailers beyond 8 KiB.
MAX_LISTED_TEXT = 1_500


class Faults:
    """The faults found in one request so far, in the order in which they were found.

    Only the first fault of a field is kept: what follows from it would not help. At most `MAX_LISTED` faults, of
    `MAX_LISTED_TEXT` bytes in all, are listed; the rest is counted.
    """

    def __init__(self) -> None:
        self._listed: list[FieldFault] = []
        self._paths: set[str] = set()
        self._text = 0
        self._more = 0

    def __bool__(self) -> bool:
        """Whether there is a fault."""
        return bool(self._listed or self._more)

    @property
    def is_full(self) -> bool:
        """Whether further faults are only counted."""
        return self._more > 0

    def __iter__(self) -> Iterator[FieldFault]:
        """Yield the listed faults."""
        return iter(self._listed)

    def add(self, path: str, description: str) -> None:
        """Add a fault.

        Args:
            path: The field, as in the message: `project.storyboard.shots[2].duration`.
            description: What is allowed, in words that complete "<path>: ".
        """
        if path in self._paths:
            return
        size = len(path.encode()) + len(description.encode())
        if self._more or len(self._listed) == MAX_LISTED or self._text + size > MAX_LISTED_TEXT:
            self._more += 1
            return
        self._paths.add(path)
        self._text += size
        self._listed.append(FieldFault(path, description))

    def add_all(self, faults: Iterable[FieldFault]) -> None:
        """Add faults that the domain's rules found."""
        for fault in faults:
            self.add(fault.field, fault.description)

    def raise_if_any(self) -> None:
        """Refuse the request if there is a fault.

        Raises:
            InvalidFields: Holds every listed fault, and last the number of further ones.
        """
        if self._more:
            raise InvalidFields((*self._listed, FieldFault("…", f"and {self._more} more")))
        if self._listed:
            raise InvalidFields(self._listed)
