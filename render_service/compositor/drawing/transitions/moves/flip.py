"""FLIP: the frame turns over like a card, with the new shot on its back."""

import math

import cv2
import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, smooth
from render_service.compositor.frames.planes import BLACK

# How far the viewer is from the card, in its sides.
_DISTANCE = 2.2


def draw(moment: Moment) -> None:
    """Draw one frame."""
    turned = math.pi * smooth(moment.done) * -moment.sign
    front = abs(turned) < math.pi / 2
    turned -= 0 if front else math.copysign(math.pi, turned)
    source = moment.old if front else moment.new
    # The card draws back while it turns, so that its near edge stays in the frame.
    away = 1 + 0.28 * math.sin(math.pi * smooth(moment.done))
    for plane, to, black in zip(source.all(), moment.target.all(), BLACK, strict=True):
        height, width = plane.shape
        corners = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)
        seen = []
        for x, y in corners:
            across, down = x - width / 2, y - height / 2
            side, along = (height, down) if moment.is_upright else (width, across)
            depth = 1 + along * math.sin(turned) / side / _DISTANCE
            kept = along * math.cos(turned)
            across, down = (across, kept) if moment.is_upright else (kept, down)
            seen.append((width / 2 + across / depth / away, height / 2 + down / depth / away))
        matrix = cv2.getPerspectiveTransform(corners, np.array(seen, np.float32))
        to[:] = cv2.warpPerspective(
            np.ascontiguousarray(plane), matrix, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=black
        )
