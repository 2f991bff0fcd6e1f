"""INK: the new shot spreads from the middle like ink in water."""

from functools import lru_cache

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, equalised, noise, places, scaled, sweep

_SMALL = 320


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _map, 0.05)


@lru_cache(maxsize=4)
def _map(width: int, height: int) -> Map:
    small = (min(width, _SMALL), max(2, round(height * min(1.0, _SMALL / width))))
    x, y = places(*small)
    blots = noise(*small, (3, 7, 16, 36), 23)
    return scaled(equalised(np.hypot(x, y) + np.float32(0.55) * blots), width, height)
