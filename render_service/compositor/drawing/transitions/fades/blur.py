"""BLUR: the old shot goes out of focus, the new one comes into it."""

from render_service.compositor.drawing.transitions.effect import Moment, between, mix
from render_service.compositor.drawing.transitions.warping import blurred

# Of the shorter side, where both shots are most blurred.
_MOST = 0.035


def draw(moment: Moment) -> None:
    """Draw one frame."""
    share = between(moment.done, 0.25, 0.75)
    for before, after, to in moment.planes():
        most = _MOST * min(to.shape)
        mix(
            blurred(before, most * between(moment.done, 0, 0.6)),
            blurred(after, most * (1 - between(moment.done, 0.4, 1))),
            share,
            to,
        )
