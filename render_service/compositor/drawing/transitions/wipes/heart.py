"""HEART: a growing heart uncovers the new shot."""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, places, stretched, sweep

_ANGLES = 1440
# Of the middle from which the heart grows, below the notch; in halves of the diagonal.
_MIDDLE = np.float32(-0.06)


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _map, 0.02)


@lru_cache(maxsize=4)
def _map(width: int, height: int) -> Map:
    x, y = places(width, height)
    around = np.mod(np.arctan2(_MIDDLE - y, x), 2 * np.pi)
    edge = np.interp(around, np.linspace(0, 2 * np.pi, _ANGLES), _outline()).astype(np.float32)
    return stretched((np.hypot(x, y - _MIDDLE) / edge).astype(np.float32))


@cache
def _outline() -> NDArray[np.float64]:
    """Return how far the curve (x² + y² − 1)³ = x² y³ is from the middle; angles run counter-clockwise."""
    around = np.linspace(0, 2 * np.pi, _ANGLES)
    turn = np.cos(around) ** 2 * np.sin(around) ** 3
    low, high = np.zeros(_ANGLES), np.full(_ANGLES, 2.0)
    for _ in range(40):
        middle = (low + high) / 2
        inside = (middle**2 - 1) ** 3 < middle**5 * turn
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low
