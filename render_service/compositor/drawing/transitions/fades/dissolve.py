"""DISSOLVE: clouds of the new shot appear everywhere and grow together."""

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, noise, sweep


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _clouds, 0.3)


def _clouds(width: int, height: int) -> Map:
    return noise(width, height, (4, 9, 20, 45), 11)
