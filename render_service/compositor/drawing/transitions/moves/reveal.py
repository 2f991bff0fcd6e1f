"""REVEAL: the old shot slides away, with a shadow, and uncovers the new one."""

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, oriented, smooth
from render_service.compositor.frames.planes import BLACK

_SHADOW, _SHADOW_WIDTH = 0.55, 0.06


def draw(moment: Moment) -> None:
    """Draw one frame."""
    olds, news, drawn = (oriented(planes, moment.direction) for planes in (moment.old, moment.new, moment.target))
    chroma_edge = round(drawn[1].shape[1] * (1 - smooth(moment.done)))
    edges = (2 * chroma_edge, chroma_edge, chroma_edge)
    for before, after, to, edge, black in zip(olds, news, drawn, edges, BLACK, strict=True):
        side = to.shape[1]
        to[:, :edge] = before[:, side - edge :]
        to[:, edge:] = after[:, edge:]
        # The shadow fades out with the transition, so that nothing jumps at its end.
        end = min(side, edge + round(_SHADOW_WIDTH * side))
        if end > edge:
            dark = np.linspace(_SHADOW * (1 - moment.done), 0, end - edge, dtype=np.float32)
            lit = to[:, edge:end] + (np.float32(black) - to[:, edge:end]) * dark
            to[:, edge:end] = np.rint(lit).astype(np.uint8)
