"""Draws the part of a canvas that the camera sees into a frame, at sub-pixel positions."""

import math
from functools import lru_cache

import cv2
import numpy as np

from render_service.compositor.drawing.motion import View
from render_service.compositor.frames.planes import Plane, Planes

# A view may begin between two pixels. OpenCV's resize, three times as fast as a warp, begins at whole pixels only, but
# a whole pixel plus a whole number of steps can come as near to any place as need be: the columns and rows before the
# wished place are drawn and thrown away. A canvas needs this margin at its left and top for that.
_MOST_STEPS = 40
# Distances from the wished place, in canvas pixels: near enough to stop searching, and too far to be used.
_NEAR = 1 / 64
_FAR = 1 / 14
_SMALLEST_SCALE = 1.02
_LARGEST_SCALE = 1.9


def margin(scale: float) -> int:
    """Return how many pixels a canvas should extend beyond all views, where a frame's pixel is `scale` of its own."""
    return math.ceil(_MOST_STEPS * scale) // 2 * 2 + 6


def sample(source: Planes, view: View, target: Planes) -> None:
    """Fill a frame with a part of a canvas.

    Args:
        source: The canvas.
        view: The part to show, in the canvas' luma pixels.
        target: The frame to fill.
    """
    half = View(view.left / 2, view.top / 2, view.width / 2, view.height / 2)
    for plane, part, drawn in zip(source.all(), (view, half, half), target.all(), strict=True):
        height, width = drawn.shape
        scale_x, scale_y = part.width / width, part.height / height
        across, down = (
            _steps(part.left, scale_x, width, plane.shape[1]),
            _steps(part.top, scale_y, height, plane.shape[0]),
        )
        if across is None or down is None:
            _warp(plane, part, drawn)
        else:
            _resize(plane, (scale_x, scale_y), across, down, drawn)


def _steps(wished: float, scale: float, count: int, limit: int) -> tuple[int, int] | None:
    """Find a whole pixel and a number of steps of `scale` that together lead to a wished place.

    Returns:
        Both, so that one more than `count` steps from there stay within `limit`; None where nothing near does.
    """
    if not _SMALLEST_SCALE <= scale <= _LARGEST_SCALE:
        return None
    best, found = _FAR, None
    for steps in range(_MOST_STEPS):
        exact = wished - steps * scale
        whole = round(exact)
        if whole < 0:
            break
        distance = abs(exact - whole)
        if distance < best and whole + round((count + steps + 1) * scale) <= limit:
            best, found = distance, (whole, steps)
            if distance <= _NEAR:
                break
    return found


@lru_cache(maxsize=4)
def _scratch(height: int, width: int) -> Plane:
    return np.empty((height, width), np.uint8)


def _resize(
    source: Plane, scale: tuple[float, float], across: tuple[int, int], down: tuple[int, int], target: Plane
) -> None:
    height, width = target.shape
    # One more than is needed at the far edges, where resize has no neighbour to mix in.
    columns, rows = width + across[1] + 1, height + down[1] + 1
    left, top = across[0], down[0]
    part = source[top : top + round(rows * scale[1]), left : left + round(columns * scale[0])]
    drawn = _scratch(height + _MOST_STEPS + 1, width + _MOST_STEPS + 1)[:rows, :columns]
    result = cv2.resize(part, None, dst=drawn, fx=1 / scale[0], fy=1 / scale[1], interpolation=cv2.INTER_LINEAR)
    assert result.shape == drawn.shape
    np.copyto(target, np.asarray(result, np.uint8)[down[1] : down[1] + height, across[1] : across[1] + width])


def _warp(source: Plane, view: View, target: Plane) -> None:
    height, width = target.shape
    scale_x, scale_y = view.width / width, view.height / height
    # Pixel centres lie at halves: target (x + ½) · scale + left − ½ in the source.
    matrix = np.array(
        ((scale_x, 0, view.left + scale_x / 2 - 0.5), (0, scale_y, view.top + scale_y / 2 - 0.5)), np.float64
    )
    cv2.warpAffine(
        source,
        matrix,
        (width, height),
        dst=target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
