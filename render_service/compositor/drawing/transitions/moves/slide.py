"""SLIDE: the new shot slides over the old one."""

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.moves.shifting import shift


def draw(moment: Moment) -> None:
    """Draw one frame."""
    shift(moment, old_moves=False)
