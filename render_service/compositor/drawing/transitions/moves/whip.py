"""WHIP: the camera is swung from the old shot to the new one, blurred by its speed."""

import cv2
import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, oriented

# Width of the blur at full speed, as a part of the side.
_MOST_BLUR = 0.22


def draw(moment: Moment) -> None:
    """Draw one frame."""
    # Quintic ease: nearly all of the way in the middle third.
    part = moment.done
    way = part**3 * (part * (6 * part - 15) + 10)
    speed = (part * (1 - part) * 4) ** 2
    olds, news, drawn = (oriented(planes, moment.direction) for planes in (moment.old, moment.new, moment.target))
    for before, after, to in zip(olds, news, drawn, strict=True):
        side = to.shape[1]
        edge = round(side * (1 - way))
        shown = np.empty(to.shape, np.uint8)
        shown[:, :edge] = before[:, side - edge :]
        shown[:, edge:] = after[:, : side - edge]
        width = 2 * round(_MOST_BLUR * speed * side / 2) + 1
        to[:] = cv2.blur(shown, (width, 1), borderType=cv2.BORDER_REFLECT_101) if width > 1 else shown
