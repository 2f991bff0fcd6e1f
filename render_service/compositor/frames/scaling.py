"""Scales finished frames down, for the smaller videos of one shape."""

import cv2

from render_service.compositor.frames.planes import Planes


def scale_planes(source: Planes, target: Planes) -> None:
    """Write a frame into another one that is as large or smaller: each pixel is the mean of those that it covers."""
    if source.y.shape == target.y.shape:
        target.copy_from(source)
        return
    for large, small in zip(source.all(), target.all(), strict=True):
        height, width = small.shape
        small[:] = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
