"""BLINDS: the slats of a blind turn and uncover the new shot."""

from functools import lru_cache

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.sweeping import Map, sweep
from render_service.domain.projects.project import Direction

# Slats along the longer side; the shorter has as many as fit.
_SLATS = 10


def draw(moment: Moment) -> None:
    """Draw one frame."""
    direction = moment.direction
    sweep(moment, lambda width, height: _map(width, height, direction), 0.08)


@lru_cache(maxsize=4)
def _map(width: int, height: int, direction: Direction) -> Map:
    is_upright = direction in (Direction.UP, Direction.DOWN)
    side = height if is_upright else width
    slats = max(2, round(_SLATS * side / max(width, height)))
    along = (np.arange(side, dtype=np.float32) + 0.5) / side
    if direction in (Direction.LEFT, Direction.UP):
        along = 1 - along
    # A slat opens a little later the farther it is along the way.
    turned = 0.7 * np.mod(along * slats, 1) + 0.3 * along
    line = turned.astype(np.float32)
    return np.array(np.broadcast_to(line[:, None] if is_upright else line[None, :], (height, width)))
