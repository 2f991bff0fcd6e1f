"""BURN: film burns through, with a glowing edge and a scorched rim, to the new shot."""

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, smooth, towards
from render_service.compositor.drawing.transitions.sweeping import Map, noise, sweep

# Y, Cb, Cr of the glow and of the scorched film.
_GLOW, _CHAR = (214, 46, 176), (30, 118, 142)
_SOFT, _GLOW_WIDTH, _CHAR_WIDTH = 0.03, 0.05, 0.12


def draw(moment: Moment) -> None:
    """Draw one frame."""
    sweep(moment, _film, _SOFT)
    soft = _SOFT if moment.softness is None else moment.softness
    edge = np.float32(smooth(moment.done) * (1 + soft) - soft / 2)
    # The fire is lit and goes out with the transition's first and last tenths.
    heat = np.float32(min(1.0, 10 * moment.done, 10 * (1 - moment.done)))
    for to, glow, char in zip(moment.target.all(), _GLOW, _CHAR, strict=True):
        ahead = _film(to.shape[1], to.shape[0]) - edge
        scorched = heat * np.exp(-np.maximum(ahead, 0) / np.float32(_CHAR_WIDTH)) * (ahead > 0)
        to[:] = towards(to, char, scorched.astype(np.float32) * np.float32(0.8))
        lit = heat * np.exp(-((ahead / np.float32(_GLOW_WIDTH)) ** 2))
        to[:] = towards(to, glow, lit.astype(np.float32))


def _film(width: int, height: int) -> Map:
    return noise(width, height, (2, 4, 10, 24), 5)
