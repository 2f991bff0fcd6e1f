"""SQUEEZE: the new shot grows from one side and squeezes the old one to the other."""

import cv2
import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, oriented, smooth
from render_service.compositor.frames.planes import Plane


def draw(moment: Moment) -> None:
    """Draw one frame."""
    olds, news, drawn = (oriented(planes, moment.direction) for planes in (moment.old, moment.new, moment.target))
    for before, after, to in zip(olds, news, drawn, strict=True):
        side = to.shape[1]
        edge = round(side * (1 - smooth(moment.done)))
        if edge:
            to[:, :edge] = _narrow(before, edge)
        if edge < side:
            to[:, edge:] = _narrow(after, side - edge)


def _narrow(plane: Plane, width: int) -> Plane:
    return np.asarray(
        cv2.resize(np.ascontiguousarray(plane), (width, plane.shape[0]), interpolation=cv2.INTER_AREA), np.uint8
    )
