"""Measurements of a shot's media that the timeline depends on."""

from dataclasses import dataclass
from datetime import timedelta


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
    the narration, `gaps` the clip's long stretches without a keyframe, each in order.
    """

    clip: timedelta | None = None
    narration: timedelta | None = None
    pauses: tuple[Pause, ...] = ()
    gaps: tuple[KeyframeGap, ...] = ()
