"""Remembers the faces found in files by their content, so that each file is searched once, whatever it is used for."""

from collections import OrderedDict

from render_service.domain.projects.looks.faces import FacesAt, FaceSearch

_MOST_KEPT = 512


class FoundFaces:
    """The faces found in the latest files, by the SHA-256 of their content."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, FaceSearch], tuple[FacesAt, ...]] = OrderedDict()

    def get(self, sha256: str, search: FaceSearch) -> tuple[FacesAt, ...] | None:
        """Return what a search of a file found; None if it is not known."""
        if (sha256, search) in self._kept:
            self._kept.move_to_end((sha256, search))
        return self._kept.get((sha256, search))

    def put(self, sha256: str, search: FaceSearch, found: tuple[FacesAt, ...]) -> None:
        """Remember what a search of a file found."""
        self._kept[sha256, search] = found
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
