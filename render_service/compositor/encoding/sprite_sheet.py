"""The layout of a sprite sheet: which part of it shows which time of a video."""

from dataclasses import dataclass
from typing import Self

_LONGER_SIDE = 160
_COLUMNS = 10
_MOST = 300


@dataclass(frozen=True, slots=True)
class SpriteSheet:
    """The layout of a sprite sheet.

    Args:
        width: Of one picture, in pixels.
        height: Of one picture, in pixels.
        interval: Seconds of the video that a picture stands for; the last may stand for less.
        count: Number of pictures: rows of ten, from the top left.
    """

    width: int
    height: int
    interval: int
    count: int

    @classmethod
    def of(cls, frames: int, fps: int, width: int, height: int) -> Self:
        """Return the layout for a video of some length and size."""
        seconds = -(-frames // fps)
        interval = -(-seconds // _MOST)
        scale = _LONGER_SIDE / max(width, height)
        small_width, small_height = (max(1, round(side * scale)) for side in (width, height))
        return cls(small_width, small_height, interval, -(-frames // (interval * fps)))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole sheet, in pixels."""
        return self.columns * self.width, -(-self.count // _COLUMNS) * self.height

    @property
    def columns(self) -> int:
        """Pictures in a row."""
        return min(self.count, _COLUMNS)

    def place(self, index: int) -> tuple[int, int]:
        """Return the left and top edge of a picture, in pixels."""
        return index % _COLUMNS * self.width, index // _COLUMNS * self.height

    def frame(self, index: int, frames: int, fps: int) -> int:
        """Return the frame of a video that a picture shows: the middle of its time."""
        start = index * self.interval * fps
        return (start + min(start + self.interval * fps, frames)) // 2
