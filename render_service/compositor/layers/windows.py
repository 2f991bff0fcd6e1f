"""What must be drawn of a layer, and how finely: no more than can be seen, so that any layer takes bounded memory."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from render_service.compositor.layers.boxes import Area
from render_service.compositor.layers.pixels import Drawing, empty
from render_service.compositor.layers.poses import most_scale
from render_service.domain.layers.model import Layer

Visible = Callable[[Area], tuple[int, int, int, int]]
"""Returns left, top, right and bottom in whole pixels of what may be seen of a layer, given the area of its box."""

# The largest drawing of a layer that moves, in pixels: four frames in full HD, some 130 MB while it is drawn.
_MOST_PIXELS = 8_300_000
_TURNING = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def fine_frame(layer: Layer, size: tuple[float, float], frame: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """Decide how finely a layer is drawn that moves.

    Args:
        layer: The layer.
        size: How wide and high it is in the frame without blurs and shadows, in pixels.
        frame: Width and height of the frame in pixels.

    Returns:
        The frame that it is drawn for, and the pixels of that for each of the frame's: as many as the scale, unless the
        drawing would be too large.
    """
    around = 2 * reach_of(layer, min(frame))
    density = min(most_scale(layer), math.sqrt(_MOST_PIXELS / ((size[0] + around) * (size[1] + around))))
    return (max(1, round(frame[0] * density)), max(1, round(frame[1] * density))), density


def reach_of(layer: Layer, side: int) -> float:
    """Return how far a layer's blurs and shadow reach beyond it, in pixels; `side` is the frame's shorter side."""
    reach = 2.0
    if layer.filters:
        reach += 1.5 * layer.filters.blur * side + 2
    if layer.shadow:
        reach += (1.5 * layer.shadow.blur + max(abs(layer.shadow.x), abs(layer.shadow.y))) * side + 2
    return reach


def visible_part(layer: Layer, area: Area, frame: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what must be drawn of a layer at rest: all that its frame shows."""
    reach = reach_of(layer, min(frame))
    sine, cosine = math.sin(math.radians(layer.box.rotation)), math.cos(math.radians(layer.box.rotation))
    # The frame's corners, turned back around the middle of the box.
    x, y = (np.array(((0, 0), (frame[0], 0), (0, frame[1]), frame)) - area.middle).T
    across, down = x * cosine + y * sine + area.middle[0], y * cosine - x * sine + area.middle[1]
    return (
        *(math.floor(edges.min() - reach) for edges in (across, down)),
        *(math.ceil(edges.max() + reach) for edges in (across, down)),
    )


def turned(drawing: Drawing, area: Area, degrees: float, frame: tuple[int, int]) -> Drawing:
    """Return a drawing turned clockwise around the middle of its box; what lies outside of the frame is left out."""
    middle = (area.middle[0] - drawing.x, area.middle[1] - drawing.y)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = np.array(((0, 0), (drawing.width, 0), (0, drawing.height), (drawing.width, drawing.height))) - middle
    across, down = corners[:, 0] * cosine - corners[:, 1] * sine, corners[:, 0] * sine + corners[:, 1] * cosine
    origin = math.floor(area.middle[0]), math.floor(area.middle[1])
    left, top = max(math.floor(across.min()) - 1, -origin[0]), max(math.floor(down.min()) - 1, -origin[1])
    right = min(math.ceil(across.max()) + 1, frame[0] - origin[0])
    bottom = min(math.ceil(down.max()) + 1, frame[1] - origin[1])
    if left >= right or top >= bottom:
        return Drawing(empty(1, 1), -1, -1)
    # A place x of the result shows the place of the drawing that turns to it; both count from the middle of a pixel.
    shift = (0.5 + left - area.middle[0] % 1, 0.5 + top - area.middle[1] % 1)
    back = np.array(
        (
            (cosine, sine, cosine * shift[0] + sine * shift[1] + middle[0] - 0.5),
            (-sine, cosine, -sine * shift[0] + cosine * shift[1] + middle[1] - 0.5),
        )
    )
    pixels = cv2.warpAffine(drawing.pixels, back, (right - left, bottom - top), flags=_TURNING)
    return Drawing(np.asarray(pixels, np.float32), origin[0] + left, origin[1] + top)


def in_frame(drawing: Drawing, frame: tuple[int, int]) -> Drawing | None:
    """Return the part of a drawing inside the frame, at even coordinates and with even sides; None for nothing."""
    rows, columns = (np.flatnonzero(drawing.pixels[..., 3].any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    left, right = drawing.x + int(columns[0]), drawing.x + int(columns[-1]) + 1
    top, bottom = drawing.y + int(rows[0]), drawing.y + int(rows[-1]) + 1
    left, top = max(0, left // 2 * 2), max(0, top // 2 * 2)
    right, bottom = min(frame[0], -(-right // 2) * 2), min(frame[1], -(-bottom // 2) * 2)
    if left >= right or top >= bottom:
        return None
    x, y = left - drawing.x, top - drawing.y
    part = drawing.pixels[max(0, y) : bottom - drawing.y, max(0, x) : right - drawing.x]
    before = (max(0, -y), max(0, -x))
    after = (bottom - top - before[0] - part.shape[0], right - left - before[1] - part.shape[1])
    padded = np.pad(part, ((before[0], after[0]), (before[1], after[1]), (0, 0)))
    return Drawing(padded, left, top)
