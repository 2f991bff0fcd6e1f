"""CROSS_FADE: the two shots fade into each other."""

import cv2

from render_service.compositor.drawing.transitions.effect import Moment


def draw(moment: Moment) -> None:
    """Draw one frame."""
    for before, after, to in moment.planes():
        cv2.addWeighted(before, 1 - moment.done, after, moment.done, 0, dst=to)
