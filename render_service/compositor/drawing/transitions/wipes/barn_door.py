"""BARN_DOOR: the old shot opens in the middle like a gate, to the sides or up and down."""

from functools import lru_cache

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, places, stretched, sweep


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _upright if moment.is_upright else _sideways, 0.05)


@lru_cache(maxsize=4)
def _sideways(width: int, height: int) -> Map:
    x, y = places(width, height)
    return stretched(abs(x) + 0 * y)


@lru_cache(maxsize=4)
def _upright(width: int, height: int) -> Map:
    x, y = places(width, height)
    return stretched(abs(y) + 0 * x)
