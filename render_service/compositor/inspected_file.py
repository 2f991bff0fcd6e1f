"""What one file of a render is used as, and what is measured of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from render_service.domain.projects.looks.faces import FacesAt, FaceSearch
from render_service.domain.projects.media import KeyframeGap, Pause
from render_service.domain.warning import JobWarning


class Use(Enum):
    """What a file is used as, which decides how it is probed."""

    IMAGE = auto()
    CLIP = auto()
    SILENT_CLIP = auto()
    SOUND = auto()
    LUT = auto()
    LOTTIE = auto()


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """A file's SHA-256 in hexadecimal, its length, and what else was measured.

    The length is None for a picture. The size of a picture or clip is width and height in pixels as it is seen. Sounds
    have pauses, clips have stretches without a keyframe. The faces are those that each search of the file found.
    """

    sha256: str
    length: timedelta | None
    pauses: tuple[Pause, ...] = ()
    gaps: tuple[KeyframeGap, ...] = ()
    warnings: tuple[JobWarning, ...] = ()
    size: tuple[int, int] | None = None
    faces: Mapping[FaceSearch, tuple[FacesAt, ...]] = field(default_factory=dict)
