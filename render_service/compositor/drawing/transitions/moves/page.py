"""PAGE: the old shot is turned like a page; its pale back and its shadow pass over the new one."""

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, oriented, smooth
from render_service.compositor.frames.planes import BLACK

# Y, Cb, Cr of the paper's back, how much of the picture shines through, and the widths of curl and shadow.
_PAPER, _THROUGH = (214, 124, 132), 0.22
_CURL, _SHADOW, _DARKEST = 0.3, 0.09, 0.5


def draw(moment: Moment) -> None:
    """Draw one frame."""
    done = smooth(moment.done)
    olds, news, drawn = (oriented(planes, moment.direction) for planes in (moment.old, moment.new, moment.target))
    for before, after, to, paper, black in zip(olds, news, drawn, _PAPER, BLACK, strict=True):
        side = to.shape[1]
        # The fold runs from the right edge out of the left one; the page lies on its left, mirrored.
        fold = side * (1 - done * (1 + _CURL))
        back = min(_CURL * side, (side - fold) * 0.6)
        x = np.arange(side, dtype=np.float32) + 0.5
        to[:] = after
        flat = x < fold
        to[:, flat] = before[:, flat]
        behind = np.flatnonzero((x >= fold) & (x < fold + back))
        if behind.size:
            along = (x[behind] - fold) / np.float32(back)
            seen = np.clip(fold - (x[behind] - fold) * 1.4, 0, side - 1).astype(np.int64)
            sheen = np.float32(0.72) + np.float32(0.34) * np.sin(np.pi * along)
            light = (paper - np.float32(black)) * np.clip(sheen, 0, 1.02) + np.float32(black)
            column = light * (1 - _THROUGH) + before[:, seen].astype(np.float32) * _THROUGH
            to[:, behind] = np.rint(column.clip(0, 255)).astype(np.uint8)
        shaded = np.flatnonzero((x >= fold + back) & (x < fold + back + _SHADOW * side))
        if shaded.size and back > 0:
            dark = _DARKEST * (1 - (x[shaded] - fold - back) / np.float32(_SHADOW * side))
            lit = to[:, shaded] + (np.float32(black) - to[:, shaded]) * dark
            to[:, shaded] = np.rint(lit).astype(np.uint8)
