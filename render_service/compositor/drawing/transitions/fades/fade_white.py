"""FADE_WHITE: the old shot fades to white, the new one fades in from it."""

import cv2

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.frames.planes import WHITE


def draw(moment: Moment) -> None:
    """Draw one frame."""
    source, share = moment.old if moment.done < 0.5 else moment.new, abs(2 * moment.done - 1)
    for plane, value, to in zip(source.all(), WHITE, moment.target.all(), strict=True):
        cv2.addWeighted(plane, share, plane, 0, value * (1 - share), dst=to)
