"""PUSH: the new shot pushes the old one out."""

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.moves.shifting import shift


def draw(moment: Moment) -> None:
    """Draw one frame."""
    shift(moment, old_moves=True)
