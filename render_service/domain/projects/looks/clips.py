"""How a clip is cut and played: which part, how fast, in which direction, and what follows where it is too short."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from render_service.domain.projects.looks.views import PictureView

MIN_SPEED, MAX_SPEED = 0.25, 4.0
_MICROSECOND = timedelta(microseconds=1)


class ClipFlip(StrEnum):
    """How a clip is mirrored."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"
    BOTH = "both"


class ShortClip(StrEnum):
    """What is seen where a clip is shorter than its shot.

    Its last frame, the clip again, the clip slower, or what follows after `length` in its file and then the last frame.
    """

    FREEZE = "freeze"
    LOOP = "loop"
    SLOW = "slow"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class ClipEdit:
    """How a shot's clip is played.

    `start` and `length` are times of the file; `length` None is up to its end. `freeze_at` is a time of the shot from
    which on the picture stands still. `volume` is a linear gain.
    """

    start: timedelta = timedelta(0)
    length: timedelta | None = None
    speed: float = 1.0
    reverse: bool = False
    freeze_at: timedelta | None = None
    when_short: ShortClip | None = None
    volume: float = 1.0
    fade_in: timedelta = timedelta(0)
    fade_out: timedelta = timedelta(0)
    crop: PictureView | None = None
    flip: ClipFlip | None = None


@dataclass(frozen=True, slots=True)
class Playback:
    """An edited clip, counted in frames of the video.

    Args:
        start: Where it begins in its file, in microseconds.
        speed: How fast it is played; 2 in half the time.
        frames: How many frames it lasts; at least 1.
        reverse: Whether it is played from its end to its start.
        loops: Whether it begins again where it ends; otherwise its last frame stays.
        freeze: Frame of the shot that stays from then on; None for none.
        crop: The part of its picture that is seen.
        flip: How it is mirrored.
    """

    start: int
    speed: float
    frames: int
    reverse: bool = False
    loops: bool = False
    freeze: int | None = None
    crop: PictureView | None = None
    flip: ClipFlip | None = None

    def frame_of(self, number: int) -> int:
        """Return which frame of the clip, of 0 to `frames` − 1 in its own order, a frame of the shot shows."""
        if self.freeze is not None:
            number = min(number, self.freeze)
        place = number % self.frames if self.loops else min(number, self.frames - 1)
        return self.frames - 1 - place if self.reverse else place


def played_length(edit: ClipEdit, clip: timedelta) -> timedelta:
    """Return how long a clip of a length is played; at least a microsecond."""
    left = max(clip - edit.start, _MICROSECOND)
    return max((left if edit.length is None else min(edit.length, left)) / edit.speed, _MICROSECOND)


def playback_of(edit: ClipEdit, clip: timedelta, frames: int, fps: int) -> Playback:
    """Decide how a clip is played.

    Args:
        edit: The wishes.
        clip: Length of the file.
        frames: Length of the shot.
        fps: Frames per second.
    """
    short = edit.when_short or ShortClip.FREEZE
    seconds = played_length(edit, clip).total_seconds()
    if short is ShortClip.EXTEND and round(seconds * fps) < frames:
        seconds = min(played_length(replace(edit, length=None), clip).total_seconds(), frames / fps)
    speed = edit.speed
    if short is ShortClip.SLOW and seconds * fps < frames:
        speed = max(MIN_SPEED, edit.speed * seconds * fps / frames)
        seconds *= edit.speed / speed
    return Playback(
        start=edit.start // _MICROSECOND,
        speed=speed,
        frames=max(1, round(seconds * fps)),
        reverse=edit.reverse,
        loops=short is ShortClip.LOOP,
        freeze=None if edit.freeze_at is None else round(edit.freeze_at.total_seconds() * fps),
        crop=edit.crop,
        flip=edit.flip,
    )
