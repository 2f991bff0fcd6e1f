"""STAR: a growing star uncovers the new shot."""

from functools import lru_cache

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, places, stretched, sweep

_POINTS = 5
# Distance of the notches from the middle, where that of the points is 1.
_NOTCH = 0.42


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _map, 0.03)


@lru_cache(maxsize=4)
def _map(width: int, height: int) -> Map:
    x, y = places(width, height)
    turned = np.mod(np.arctan2(x, -y) / (2 * np.pi) * _POINTS, 1)
    # From a point to the notch between two points, the edge of a star is a straight line.
    slant = abs(turned - 0.5) * 2
    edge = _NOTCH / (1 - slant * (1 - _NOTCH))
    return stretched((np.hypot(x, y) / edge).astype(np.float32))
