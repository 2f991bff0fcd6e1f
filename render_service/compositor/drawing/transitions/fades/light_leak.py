"""LIGHT_LEAK: warm light runs over the picture, under which the shots change."""

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, between, mix, towards
from render_service.compositor.drawing.transitions.sweeping import places

# Y, Cb, Cr of the light.
_LIGHT = (226, 74, 164)
_WIDTH = 0.42


def draw(moment: Moment) -> None:
    """Draw one frame."""
    share = between(moment.done, 0.3, 0.7)
    strength = np.float32(min(1.0, 4 * moment.done, 4 * (1 - moment.done)))
    for (before, after, to), light in zip(moment.planes(), _LIGHT, strict=True):
        mix(before, after, share, to)
        x, y = places(to.shape[1], to.shape[0])
        along = (y + 0.3 * x) if moment.is_upright else (x + 0.3 * y)
        at = np.float32(moment.sign * (2.8 * moment.done - 1.4))
        lit = np.exp(-(((along - at) / np.float32(_WIDTH)) ** 2)) * strength * np.float32(0.92)
        to[:] = towards(to, light, lit.astype(np.float32))
