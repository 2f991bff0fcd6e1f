"""A watermark as a segment draws it, and where it lies."""

import math
from dataclasses import dataclass, replace
from typing import Self

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import image_size
from render_service.domain.projects.project import Corner, Watermark

# Free space around a watermark, as a part of the frame's shorter side.
_MARGIN = 0.045


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """A watermark over a stretch of frames.

    Args:
        mark: SHA-256 of its file.
        area: Where it lies, on even pixels of the frame.
        largest: Width and height that its file is decoded at, at most.
        shrinks: Whether it is smaller than that.
        opacity: 0–1.
        start: First frame in which it is seen, counted from the first of the stretch.
        end: The frame after the last.
    """

    mark: str
    area: Rect
    largest: tuple[int, int]
    shrinks: bool
    opacity: float
    start: int
    end: int

    @property
    def files(self) -> tuple[str, ...]:
        """The SHA-256 of all files that it is drawn from."""
        return (self.mark,)

    def within(self, first: int, frames: int, fps: int) -> Self:
        """Return it for a stretch of frames, counted from its first."""
        return replace(self, start=max(self.start - first, 0), end=min(self.end - first, frames))


def drawn_mark(mark: Watermark, sha256: str, asset: Asset, frame: tuple[int, int], frames: int) -> DrawnMark:
    """Return a watermark as it is drawn: inside a margin, at most a quarter of the frame high.

    Args:
        mark: The watermark.
        sha256: Names its file.
        asset: Its file.
        frame: Width and height of the frame in pixels.
        frames: Length of the video.
    """
    width, height = frame
    # No larger than it can be drawn: a logo may be exported at any size.
    largest = (math.ceil(mark.scale * width), math.ceil(height / 4))
    size = image_size(asset, contain=largest)
    scale = min(mark.scale * width / size[0], height / 4 / size[1])
    across, down = (max(2, round(side * scale) // 2 * 2) for side in size)
    margin = round(_MARGIN * min(width, height))
    x = margin if mark.corner in (Corner.TOP_LEFT, Corner.BOTTOM_LEFT) else width - margin - across
    y = margin if mark.corner in (Corner.TOP_LEFT, Corner.TOP_RIGHT) else height - margin - down
    area = Rect(max(0, x) // 2 * 2, max(0, y) // 2 * 2, across, down)
    return DrawnMark(sha256, area, largest, scale < 1, mark.opacity, 0, frames)
