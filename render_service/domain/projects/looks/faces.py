"""Faces in pictures and clips: which part of a file is searched for them, and the point that keeps them in view."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.projects.looks.clips import ClipEdit, ShortClip, played_length
from render_service.domain.projects.looks.views import PictureView

# Faces that are smaller than this part of the largest one's width are bystanders.
_BYSTANDER = 0.5
# Rounded, so that the last bits of a processor's arithmetic decide nothing.
_STEP = 0.01
_CENTRE = (0.5, 0.5)
_WHOLE = PictureView()


@dataclass(frozen=True, slots=True)
class FaceBox:
    """The box of a face as fractions of a picture's sides, from the top left; it may reach beyond the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class FacesAt:
    """The faces that a file shows at a time, the surest first.

    `time` counts from the first picture of a clip; 0 in a picture. The boxes are fractions of the whole picture as it
    is displayed, before any crop or flip of the shot.
    """

    time: timedelta
    faces: tuple[FaceBox, ...]


@dataclass(frozen=True, slots=True)
class FaceSearch:
    """What of a file is searched for faces: a stretch of a clip, and the part of its pictures that is seen.

    `length` None: the file is a picture, or the clip is searched up to its end.
    """

    start: timedelta = timedelta(0)
    length: timedelta | None = None
    crop: PictureView = _WHOLE


def face_search(edit: ClipEdit | None, clip: timedelta | None, shown: timedelta | None) -> FaceSearch:
    """Return what of a shot's file is searched for faces.

    Args:
        edit: How the shot's clip is played.
        clip: Length of the clip; None for a picture.
        shown: How long the shot lasts; None if it is not known yet.
    """
    if clip is None:
        return FaceSearch()
    edit = edit or ClipEdit()
    start = min(edit.start, clip)
    length = min(played_length(edit, clip) * edit.speed, clip - start)
    if edit.when_short is ShortClip.EXTEND:
        wanted = clip - start if shown is None else shown * edit.speed
        length = min(max(length, wanted), clip - start)
    if edit.freeze_at is not None:
        shown = edit.freeze_at if shown is None else min(shown, edit.freeze_at)
    if shown is not None and shown * edit.speed < length:
        seen = shown * edit.speed
        start, length = (start + length - seen if edit.reverse else start), seen
    return FaceSearch(start, length, edit.crop or _WHOLE)


def near_faces(moments: Iterable[FacesAt]) -> list[FaceBox]:
    """Return the faces of some moments that are at least half as wide as the largest: the others are bystanders'."""
    found = [face for moment in moments for face in moment.faces]
    largest = max((face.width for face in found), default=0.0)
    return [face for face in found if face.width >= _BYSTANDER * largest]


def focus_of(moments: Iterable[FacesAt], crop: PictureView | None = None) -> tuple[float, float] | None:
    """Return the middle of faces as fractions 0–1 of the sides of a part of the picture; None without a face.

    Args:
        moments: The faces, at one time or several.
        crop: The part that is seen; None is the whole picture.
    """
    part = crop or _WHOLE
    near = near_faces(moments)
    if not near:
        return None
    left, right = min(face.x for face in near), max(face.x + face.width for face in near)
    top, bottom = min(face.y for face in near), max(face.y + face.height for face in near)
    across = ((left + right) / 2 - part.x) / part.width
    down = ((top + bottom) / 2 - part.y) / part.height
    x, y = (min(1.0, max(0.0, round(middle, 2))) for middle in (across, down))
    # The centre means that no focus is known, with which a picture may be shown whole instead.
    return (x, y) if (x, y) != _CENTRE else (x, y + _STEP)
