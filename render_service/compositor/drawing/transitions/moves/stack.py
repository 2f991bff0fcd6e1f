"""STACK: the old shot sinks back and darkens while the new one slides over it."""

from render_service.compositor.drawing.transitions.effect import Moment, smooth
from render_service.compositor.drawing.transitions.warping import dimmed, placed

_SMALLER, _DARKER = 0.14, 0.55


def draw(moment: Moment) -> None:
    """Draw one frame."""
    done = smooth(moment.done)
    sunk = dimmed(placed(moment.old, scale=1 - _SMALLER * done, mirrored=False), 1 - _DARKER * done)
    chroma = moment.target.u.shape[0 if moment.is_upright else 1]
    gone = round(chroma * done)
    for under, after, to in zip(sunk, moment.new.all(), moment.target.all(), strict=True):
        to[:] = under
        top, over = (to.T, after.T) if moment.is_upright else (to, after)
        side = top.shape[1]
        edge = gone * (side // chroma)
        if moment.sign < 0 and edge:
            top[:, side - edge :] = over[:, :edge]
        elif edge:
            top[:, :edge] = over[:, side - edge :]
