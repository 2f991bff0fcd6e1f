"""Measurements of media files: those that a timeline depends on, and all of a clip."""

from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.projects.looks.faces import FacesAt


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which a voice is silent, counted from the start of its file."""

    start: timedelta
    end: timedelta


def pause(start: float, end: float) -> Pause:
    """Return a pause, given in seconds."""
    return Pause(timedelta(seconds=start), timedelta(seconds=end))


@dataclass(frozen=True, slots=True)
class KeyframeGap:
    """A long stretch of a clip that begins with a keyframe and has no other, counted from the start of its picture.

    `is_last`: it lasts to the clip's end.
    """

    start: timedelta
    end: timedelta
    is_last: bool


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Measured lengths of one shot's media; None if the shot has none.

    `clip` is the length of the clip's picture, `narration` of the spoken narration; both > 0. `pauses` are those of
    the narration, `gaps` the clip's long stretches without a keyframe, each in order. `dubs` are the lengths of the
    narration in the languages of further tracks of sound, in their order. `sizes` are width and height in pixels of the
    pictures of its card, by field. `size` is that of the picture or clip that it shows, as displayed. `faces` are those
    in what is shown of it, in the order of their times; empty unless it is searched for them.
    """

    clip: timedelta | None = None
    narration: timedelta | None = None
    pauses: tuple[Pause, ...] = ()
    gaps: tuple[KeyframeGap, ...] = ()
    dubs: tuple[timedelta | None, ...] = ()
    sizes: tuple[tuple[str, tuple[int, int]], ...] = ()
    size: tuple[int, int] | None = None
    faces: tuple[FacesAt, ...] = ()

    @property
    def longest_narration(self) -> timedelta | None:
        """The length of the narration in the language in which it is longest; None if the shot has none."""
        return max(filter(None, (self.narration, *self.dubs)), default=None)


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """The properties of a clip.

    Args:
        duration: From the start of its first picture to the end of its last.
        frames: Number of pictures.
        width: Displayed width in pixels: rotated upright, with square pixels.
        height: Displayed height in pixels.
        codec: Name of its video codec.
        has_sound: Whether it has a sound track.
        gaps: Its long stretches without a keyframe.
    """

    duration: timedelta
    frames: int
    width: int
    height: int
    codec: str
    has_sound: bool
    gaps: tuple[KeyframeGap, ...] = ()
