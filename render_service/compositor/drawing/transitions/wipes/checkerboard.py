"""CHECKERBOARD: the new shot appears in every other square, then in the rest."""

from functools import lru_cache

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, sweep

# Squares along the shorter side.
_SQUARES = 5


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _map, 0.06)


@lru_cache(maxsize=4)
def _map(width: int, height: int) -> Map:
    side = min(width, height) / _SQUARES
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / side + 100
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / side + 100
    second = (np.floor(x)[None, :] + np.floor(y)[:, None]) % 2
    # Each square opens from its middle to its edges.
    within = np.maximum(abs(np.mod(x, 1) - 0.5)[None, :], abs(np.mod(y, 1) - 0.5)[:, None])
    return np.asarray(0.5 * second + within, np.float32)
