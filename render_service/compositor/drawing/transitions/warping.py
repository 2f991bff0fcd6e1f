"""Scales, turns, shifts and blurs whole pictures, plane by plane."""

import math

import cv2
import numpy as np

from render_service.compositor.frames.planes import BLACK, Plane, Planes

# A blur is made on a smaller picture once it is wider than this many pixels.
_FINE_SIGMA = 3.0


def placed(source: Planes, *, scale: float = 1.0, degrees: float = 0.0, mirrored: bool = True) -> tuple[Plane, ...]:
    """Return a picture scaled and turned around its middle.

    Args:
        source: The picture.
        scale: Greater than 1 comes closer.
        degrees: Turned clockwise.
        mirrored: Whether the picture is mirrored beyond its edges, rather than black.
    """
    border = cv2.BORDER_REFLECT_101 if mirrored else cv2.BORDER_CONSTANT
    drawn = []
    for plane, black in zip(source.all(), BLACK, strict=True):
        height, width = plane.shape
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, scale)
        warped = cv2.warpAffine(
            np.ascontiguousarray(plane), matrix, (width, height), borderMode=border, borderValue=black
        )
        drawn.append(np.asarray(warped, np.uint8))
    return tuple(drawn)


def blurred(plane: Plane, sigma: float) -> Plane:
    """Return a plane blurred by a Gaussian of a standard deviation in its pixels."""
    if sigma < 0.3:
        return plane
    height, width = plane.shape
    factor = max(1, math.floor(sigma / _FINE_SIGMA))
    small = (max(2, width // factor), max(2, height // factor))
    reduced = cv2.resize(np.ascontiguousarray(plane), small, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(reduced, (0, 0), sigma / factor, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def dimmed(planes: tuple[Plane, ...], share: float) -> tuple[Plane, ...]:
    """Return planes mixed with black; 1 leaves them as they are."""
    return tuple(
        np.asarray(cv2.convertScaleAbs(plane, alpha=share, beta=black * (1 - share)), np.uint8)
        for plane, black in zip(planes, BLACK, strict=True)
    )
