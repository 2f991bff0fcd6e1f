"""HEART: a growing heart uncovers the new shot."""

from functools import lru_cache

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, places, stretched, sweep


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _map, 0.025)


@lru_cache(maxsize=4)
def _map(width: int, height: int) -> Map:
    x, y = places(width, height)
    around = np.arctan2(-(y - np.float32(0.12)), x)
    sine, cosine = np.sin(around), np.cos(around)
    edge = 2 - 2 * sine + sine * np.sqrt(abs(cosine)) / (sine + 1.4)
    return stretched(np.sqrt(np.hypot(x, y - np.float32(0.12)) / edge))
