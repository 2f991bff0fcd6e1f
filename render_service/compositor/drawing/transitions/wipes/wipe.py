"""WIPE: a soft edge moves over the frame and uncovers the new shot, in a direction or at any angle."""

import math
from functools import lru_cache

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, oriented, smooth
from render_service.compositor.drawing.transitions.sweeping import Map, places, stretched, sweep

# Width of the soft edge as a part of the side that it moves along.
_SOFTNESS = 0.06


def draw(moment: Moment) -> None:
    """Draw one frame."""
    if moment.angle is None:
        _straight(moment, _SOFTNESS if moment.softness is None else moment.softness)
        return
    angle = moment.angle
    sweep(moment, lambda width, height: _slope(width, height, angle), _SOFTNESS)


@lru_cache(maxsize=4)
def _slope(width: int, height: int, angle: float) -> Map:
    x, y = places(width, height)
    turned = math.radians(angle)
    return stretched(x * np.float32(math.cos(turned)) + y * np.float32(math.sin(turned)))


def _straight(moment: Moment, softness: float) -> None:
    """Draw a wipe along rows or columns, of which only the soft edge is computed."""
    done = smooth(moment.done)
    olds, news, drawn = (oriented(planes, moment.direction) for planes in (moment.old, moment.new, moment.target))
    for before, after, to in zip(olds, news, drawn, strict=True):
        side = to.shape[1]
        soft = max(1.0, softness * side)
        # The soft edge starts fully outside the frame and leaves it fully.
        first = (side + soft) * (1 - done) - soft
        start, end = (min(max(int(edge), 0), side) for edge in (first, first + soft + 1))
        to[:, :start] = before[:, :start]
        to[:, end:] = after[:, end:]
        if end > start:
            weights = np.clip((np.arange(start, end, dtype=np.float32) + 0.5 - first) / soft, 0, 1)
            mixed = before[:, start:end] + (after[:, start:end].astype(np.float32) - before[:, start:end]) * weights
            to[:, start:end] = np.rint(mixed).astype(np.uint8)
