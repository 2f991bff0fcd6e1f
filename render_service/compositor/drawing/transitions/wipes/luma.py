"""LUMA: a picture of the caller's decides where the new shot appears first: dark parts first, bright ones last."""

import cv2
import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, sweep


def draw(moment: Moment) -> None:
    """Draw one frame."""
    mask = moment.mask
    assert mask is not None

    def make(width: int, height: int) -> Map:
        shown = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        return np.multiply(shown, np.float32(1 / 255), dtype=np.float32)

    sweep(moment, make, 0.1, done=moment.done)
