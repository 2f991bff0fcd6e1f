"""Where the boxes of layers lie in a frame."""

from dataclasses import dataclass

from render_service.compositor.captions.safe_areas import Rect
from render_service.domain.layers.model import Box


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in pixels of the frame, not rounded; it may reach beyond the frame."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """The point that it is rotated and scaled around."""
        return self.x + self.width / 2, self.y + self.height / 2


def anchor_point(box: Box, within: Rect, frame: tuple[int, int]) -> tuple[float, float]:
    """Return the place of a box's anchor in pixels.

    Args:
        box: The box.
        within: Where the anchor lies if the box does not say: at the side of this rectangle that it names.
        frame: Width and height of the frame in pixels.
    """
    x = within.x + box.anchor.across * within.width if box.x is None else box.x * frame[0]
    y = within.y + box.anchor.down * within.height if box.y is None else box.y * frame[1]
    return x, y


def placed(box: Box, size: tuple[float, float], within: Rect, frame: tuple[int, int]) -> Area:
    """Return the area of a box whose size in pixels is decided; the other arguments are those of `anchor_point`."""
    x, y = anchor_point(box, within, frame)
    return Area(x - box.anchor.across * size[0], y - box.anchor.down * size[1], *size)


def box_size(box: Box, shape: float, frame: tuple[int, int]) -> tuple[float, float]:
    """Return width and height of a box in pixels.

    Args:
        box: The box.
        shape: Width by height that it gets where only one of them is given; with neither it fills the frame.
        frame: Width and height of the frame in pixels.
    """
    if box.width is None and box.height is None:
        return float(frame[0]), float(frame[1])
    width = None if box.width is None else box.width * frame[0]
    height = None if box.height is None else box.height * frame[1]
    if width is None:
        assert height is not None
        return height * shape, height
    return width, width / shape if height is None else height
