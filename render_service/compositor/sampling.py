"""Draws the part of a canvas that the camera sees into a frame, at sub-pixel positions."""

import cv2
import numpy as np

from render_service.compositor.frames import Plane, Planes
from render_service.compositor.motion import View


def sample(source: Planes, view: View, target: Planes) -> None:
    """Fill a frame with a part of a canvas.

    Args:
        source: The canvas.
        view: The part to show, in the canvas' luma pixels.
        target: The frame to fill.
    """
    half = View(view.left / 2, view.top / 2, view.width / 2, view.height / 2)
    for plane, part, drawn in zip(source.all(), (view, half, half), target.all(), strict=True):
        _warp(plane, part, drawn)


def _warp(source: Plane, view: View, target: Plane) -> None:
    height, width = target.shape
    scale_x, scale_y = view.width / width, view.height / height
    # Pixel centres lie at halves: target (x + ½) · scale + left − ½ in the source.
    matrix = np.array(
        ((scale_x, 0, view.left + scale_x / 2 - 0.5), (0, scale_y, view.top + scale_y / 2 - 0.5)), np.float64
    )
    cv2.warpAffine(
        source,
        matrix,
        (width, height),
        dst=target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
