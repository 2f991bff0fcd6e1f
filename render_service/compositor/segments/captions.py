"""A caption as a segment draws it."""

import math
from dataclasses import dataclass, replace
from typing import Self

from render_service.compositor.captions.cues import CueWord
from render_service.compositor.captions.drawing import CaptionFormat
from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.captions.word_states import SETTLED_SECONDS


@dataclass(frozen=True, slots=True)
class DrawnCaption:
    """A caption over a stretch of frames.

    Args:
        text: What is seen.
        start: First frame in which it is seen, counted from the first of the stretch; may lie before it.
        end: The frame after the last; may lie behind the stretch.
        enter: Frames over which it fades in; 1 is at once.
        exit: Frames over which it fades out; 1 is at once.
        fmt: How it is drawn.
        area: The part of the frame that it stays inside: clear of the watermark and of layers.
        words: The words that are marked in the stretch.
    """

    text: str
    start: int
    end: int
    enter: int
    exit: int
    fmt: CaptionFormat
    area: Rect
    words: tuple[CueWord, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The SHA-256 of all files that it is drawn from: none."""
        return ()

    def opacity(self, frame: int) -> float:
        """Return how opaque it is, 0–1, in a frame from `start` to before `end`."""
        return min(1.0, (frame - self.start + 1) / self.enter, (self.end - frame) / self.exit)

    def within(self, first: int, frames: int, fps: int) -> Self:
        """Return it for a stretch of frames, counted from its first, without all that cannot be seen in there.

        So a segment stays the same when a caption changes its length elsewhere.
        """
        words = tuple(replace(word, start=word.start - first, end=word.end - first) for word in self.words)
        if self.fmt.look is None:
            words = tuple(
                replace(word, start=max(word.start, 0), end=min(word.end, frames))
                for word in words
                if word.start < frames and word.end > 0
            )
        else:
            # Words that wait or are long since spoken are seen too, but it makes no difference when that was.
            settled = math.ceil(SETTLED_SECONDS * fps)
            words = tuple(
                replace(word, start=frames, end=frames)
                if word.start >= frames
                else replace(word, start=-settled, end=-settled)
                if word.end <= -settled
                else word
                for word in words
            )
        start, end = max(self.start - first, -self.enter), min(self.end - first, frames + self.exit)
        return replace(self, start=start, end=end, words=words)
