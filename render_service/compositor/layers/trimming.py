"""Masks of strokes that follow a part of an outline."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np

from render_service.compositor.layers.outlines import ellipse_mask, line_mask, path_mask
from render_service.compositor.layers.pixels import Mask
from render_service.domain.layers.model import Trim
from render_service.domain.layers.path_data import Contour, Point

_CORNER_STEPS = 12
# The sides of a sector that cuts a ring, and the samples a pixel of its edges.
_SECTOR_STEPS = 180
_SHIFT = 6


def trimmed_line(size: tuple[int, int], inner: tuple[float, float, float, float], trim: Trim, thickness: float) -> Mask:
    """Return the mask of a part of the line through the middle of a box.

    Args:
        size: Width and height of the mask in pixels.
        inner: Left, top, width and height of the box in the mask, in pixels.
        trim: The part, its start before its end.
        thickness: Of the line, in pixels.
    """
    left, top, width, height = inner
    y = top + height / 2
    return line_mask(*size, (left + trim.start * width, y), (left + trim.end * width, y), thickness)


def trimmed_ellipse(
    size: tuple[int, int], inner: tuple[float, float, float, float], trim: Trim, thickness: float
) -> Mask:
    """Do as `trimmed_line` with the ellipse inside the box, from its top clockwise, by angles."""
    outer, hole = (ellipse_mask(*size, inner, grown=grown) for grown in (thickness / 2, -thickness / 2))
    ring = np.maximum(outer - hole, 0)
    middle = (inner[0] + inner[2] / 2, inner[1] + inner[3] / 2)
    # Twice as far as the ring reaches: the sides of the sector are straight between its points.
    reach = (inner[2] + thickness, inner[3] + thickness)
    angles = np.linspace(trim.start, trim.end, _SECTOR_STEPS) * 2 * math.pi
    edge = np.stack((middle[0] + reach[0] * np.sin(angles), middle[1] - reach[1] * np.cos(angles)), axis=1)
    points = np.rint((np.vstack(([middle], edge)) - 0.5) * (1 << _SHIFT)).astype(np.int32)
    sector = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(sector, [points], 255, cv2.LINE_AA, _SHIFT)
    return np.asarray(ring * (sector.astype(np.float32) * np.float32(1 / 255)), np.float32)


def trimmed_path(size: tuple[int, int], contours: Sequence[Contour], trim: Trim, thickness: float) -> Mask:
    """Do as `trimmed_line` with outlines in pixels of the mask, one after the other."""
    return path_mask(*size, list(cut(contours, trim)), stroke=thickness)


def rectangle_contour(inner: tuple[float, float, float, float], radius: float) -> Contour:
    """Return the outline of a rectangle with round corners, clockwise from its top left corner."""
    left, top, width, height = inner
    radius = min(radius, width / 2, height / 2)
    points: list[Point] = []
    corners = (
        (left + width - radius, top + radius, -90),
        (left + width - radius, top + height - radius, 0),
        (left + radius, top + height - radius, 90),
        (left + radius, top + radius, 180),
    )
    for x, y, first in corners:
        for step in range(_CORNER_STEPS + 1 if radius else 1):
            angle = math.radians(first + 90 * step / _CORNER_STEPS)
            points.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    return Contour((points[-1], *points[:-1]), is_closed=True)


def cut(contours: Sequence[Contour], trim: Trim) -> Iterator[Contour]:
    """Yield what is left of outlines, by their length together."""
    closed = [(*one.points, one.points[0]) if one.is_closed else one.points for one in contours]
    total = math.fsum(math.dist(a, b) for points in closed for a, b in pairwise(points))
    first, last = trim.start * total, trim.end * total
    passed = 0.0
    for points in closed:
        kept: list[Point] = []
        for a, b in pairwise(points):
            length = math.dist(a, b)
            start, end = max(first - passed, 0.0), min(last - passed, length)
            if length and start < end:
                kept += [] if kept else [_between(a, b, start / length)]
                kept.append(_between(a, b, end / length))
            passed += length
        if kept:
            yield Contour(tuple(kept), is_closed=False)


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
