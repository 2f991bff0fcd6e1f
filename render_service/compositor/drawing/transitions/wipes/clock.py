"""CLOCK: a hand that starts at twelve o'clock uncovers the new shot."""

from functools import lru_cache

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, places, stretched, sweep


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _map, 0.02)


@lru_cache(maxsize=4)
def _map(width: int, height: int) -> Map:
    x, y = places(width, height)
    return stretched(np.mod(np.arctan2(x, -y) / (2 * np.pi), 1).astype(np.float32))
