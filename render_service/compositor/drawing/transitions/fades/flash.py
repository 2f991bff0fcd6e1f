"""FLASH: a camera's flash; the new shot appears out of its light."""

import cv2
import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, between, mix
from render_service.compositor.frames.planes import WHITE

# When the flash is brightest.
_PEAK = 0.3


def draw(moment: Moment) -> None:
    """Draw one frame."""
    light = between(moment.done, 0, _PEAK) ** 2 if moment.done < _PEAK else (1 - between(moment.done, _PEAK, 1)) ** 1.5
    share = between(moment.done, 0.2, 0.45)
    for (before, after, to), white in zip(moment.planes(), WHITE, strict=True):
        mix(before, after, share, to)
        if white == WHITE[0]:
            # Light adds up: bright parts are white long before dark ones.
            cv2.convertScaleAbs(to, dst=to, alpha=1 + 1.5 * light, beta=90 * light)
            np.minimum(to, np.uint8(white), out=to)
        else:
            cv2.convertScaleAbs(to, dst=to, alpha=1 - light, beta=white * light)
