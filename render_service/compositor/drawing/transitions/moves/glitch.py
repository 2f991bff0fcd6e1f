"""GLITCH: bands of the picture jump aside, its colours part, and the new shot breaks through."""

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment

# How often the disturbance changes, how many bands there are, and how far they jump at most.
_STEPS, _BANDS, _JUMP = 14, 18, 0.09


def draw(moment: Moment) -> None:
    """Draw one frame."""
    step = int(moment.done * _STEPS)
    random = np.random.default_rng((97, step))
    strength = (4 * moment.done * (1 - moment.done)) ** 1.5
    edges = np.sort(np.concatenate(((0.0, 1.0), random.random(_BANDS - 1))))
    jumps = (random.random(_BANDS) - 0.5) * 2 * _JUMP * strength * (random.random(_BANDS) < 0.55)
    shows_new = random.random(_BANDS) < moment.done
    apart = 0.012 * strength
    for (before, after, to), tint in zip(moment.planes(), (0.0, apart, -apart), strict=True):
        height, width = to.shape
        rows = np.rint(edges * height).astype(int)
        for number in range(_BANDS):
            part = slice(rows[number], rows[number + 1])
            source = after if shows_new[number] else before
            to[part] = np.roll(source[part], round((jumps[number] + tint) * width), axis=1)
