"""PIXELATE: the old shot falls into large squares, out of which the new one builds up."""

import math

import cv2
import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, between, mix
from render_service.compositor.frames.planes import Plane

# Side of the largest squares as a part of the shorter side.
_LARGEST = 1 / 14


def draw(moment: Moment) -> None:
    """Draw one frame."""
    share = between(moment.done, 0.4, 0.6)
    size = math.sin(math.pi * moment.done) ** 2
    for before, after, to in moment.planes():
        square = max(1.0, _LARGEST * min(to.shape) * size)
        mix(_squares(before, square), _squares(after, square), share, to)


def _squares(plane: Plane, side: float) -> Plane:
    if side < 1.5:
        return plane
    height, width = plane.shape
    small = (max(1, round(width / side)), max(1, round(height / side)))
    reduced = cv2.resize(np.ascontiguousarray(plane), small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
