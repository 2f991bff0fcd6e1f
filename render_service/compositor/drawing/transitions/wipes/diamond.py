"""DIAMOND: a growing diamond uncovers the new shot."""

from functools import lru_cache

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, places, stretched, sweep


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _map, 0.04)


@lru_cache(maxsize=4)
def _map(width: int, height: int) -> Map:
    x, y = places(width, height)
    return stretched(abs(x) + abs(y))
