"""RIPPLE: rings run over the picture as over water while the shots change."""

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.transitions.effect import Moment, between

# Rings on half a diagonal, how far they run, and their largest shift as a part of half a diagonal.
_RINGS, _RUN, _SHIFT = 7.0, 2.5, 0.022


def draw(moment: Moment) -> None:
    """Draw one frame."""
    share = between(moment.done, 0.25, 0.75)
    height_of_wave = _SHIFT * math.sin(math.pi * moment.done) ** 2
    for before, after, to in moment.planes():
        height, width = to.shape
        x, y, away, half = _rings(width, height)
        wave = np.sin((away * _RINGS - moment.done * _RUN * 2) * np.float32(2 * np.pi))
        shift = wave * np.float32(height_of_wave * half) / np.maximum(away * half, 1)
        across = (x + (x - width / 2) * shift).astype(np.float32)
        down = (y + (y - height / 2) * shift).astype(np.float32)
        shown = cv2.addWeighted(before, 1 - share, after, share, 0) if 0 < share < 1 else (after if share else before)
        moved = cv2.remap(
            np.ascontiguousarray(shown), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        to[:] = moved


@lru_cache(maxsize=4)
def _rings(width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], float]:
    """Return x and y of all pixels, their distance from the middle in half diagonals, and half a diagonal in pixels."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    half = math.hypot(width, height) / 2
    away = np.hypot(x - width / 2, y - height / 2) / np.float32(half)
    return x, y, away.astype(np.float32), half
