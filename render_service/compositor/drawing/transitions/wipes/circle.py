"""CIRCLE: a growing circle uncovers the new shot."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.transitions.effect import Moment, smooth

# Width of the soft edge as a part of half the diagonal.
_SOFTNESS = 0.06


def draw(moment: Moment) -> None:
    """Draw one frame."""
    softness = _SOFTNESS if moment.softness is None else max(moment.softness, 0.004)
    radius = (1 + softness) * smooth(moment.done)
    for before, after, to in moment.planes():
        height, width = to.shape
        share = np.clip((radius - _distances(width, height)) / np.float32(softness), 0, 1)
        to[:] = cv2.blendLinear(np.ascontiguousarray(before), np.ascontiguousarray(after), 1 - share, share)


@lru_cache(maxsize=4)
def _distances(width: int, height: int) -> NDArray[np.float32]:
    """Return every pixel's distance from the middle, in half diagonals."""
    x = np.arange(width, dtype=np.float32) + 0.5 - width / 2
    y = np.arange(height, dtype=np.float32) + 0.5 - height / 2
    away: NDArray[np.float32] = np.hypot(x[None, :], y[:, None]) / np.float32(np.hypot(width, height) / 2)
    return away
