"""Masks of shapes: rectangles, ellipses, lines and paths, filled or as a stroke along the edge, with smooth edges."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.layers.pixels import Mask
from render_service.domain.layers.path_data import Contour, Point

# Samples a pixel, along each axis, of what has no formula.
_FINE = 8
_COARSE = 4
_FINE_UP_TO = 400_000
# Paths are drawn in bands of at most so many samples.
_MOST_SAMPLES = 2_000_000
_SHIFT = 6
# Farther points overflow OpenCV's integers; beyond the margin, nothing reaches into a mask.
_FAR = 1_000_000.0
_MARGIN = 1000.0


def rectangle_mask(
    width: int, height: int, area: tuple[float, float, float, float], radius: float, *, grown: float = 0.0
) -> Mask:
    """Return the mask of a rectangle with round corners.

    Args:
        width: Width of the mask in pixels.
        height: Its height.
        area: Left, top, width and height of the rectangle in the mask, in pixels.
        radius: Of its corners, in pixels; at most half its shorter side is taken.
        grown: By how many pixels it reaches beyond the area on each side; may be negative. The radius follows.
    """
    _, _, across, down = area
    radius = min(radius, across / 2, down / 2)
    half_x, half_y = across / 2 + grown, down / 2 + grown
    if half_x <= 0 or half_y <= 0:
        return np.zeros((height, width), np.float32)
    rounded = max(0.0, radius + grown) if radius else 0.0
    x, y = _from_middle(width, height, area)
    # The distance from the edge: https://iquilezles.org/articles/distfunctions2d/
    beyond_x, beyond_y = np.abs(x) - np.float32(half_x - rounded), np.abs(y) - np.float32(half_y - rounded)
    if not rounded:
        # Exact where an edge lies within a pixel.
        return np.asarray(np.clip(0.5 - beyond_x, 0, 1) * np.clip(0.5 - beyond_y, 0, 1), np.float32)
    outside = np.hypot(np.maximum(beyond_x, 0), np.maximum(beyond_y, 0))
    distance = outside + np.minimum(np.maximum(beyond_x, beyond_y), 0) - np.float32(rounded)
    return np.asarray(np.clip(0.5 - distance, 0, 1), np.float32)


def ellipse_mask(width: int, height: int, area: tuple[float, float, float, float], *, grown: float = 0.0) -> Mask:
    """Return the mask of the ellipse inside an area; the arguments are those of `rectangle_mask`."""
    rx, ry = area[2] / 2 + grown, area[3] / 2 + grown
    if rx <= 0 or ry <= 0:
        return np.zeros((height, width), np.float32)
    x, y = _from_middle(width, height, area)
    across, down = x * np.float32(1 / rx), y * np.float32(1 / ry)
    length = np.hypot(across, down)
    # The distance to first order: the function divided by the length of its slope.
    slope = np.hypot(across * np.float32(1 / rx), down * np.float32(1 / ry))
    distance = length * (length - 1) / np.maximum(slope, np.float32(1e-6))
    return np.asarray(np.clip(0.5 - distance, 0, 1), np.float32)


def line_mask(width: int, height: int, start: Point, end: Point, thickness: float) -> Mask:
    """Return the mask of a horizontal line with flat ends."""
    area = (start[0], start[1] - thickness / 2, end[0] - start[0], thickness)
    return rectangle_mask(width, height, area, 0)


def path_mask(width: int, height: int, contours: Sequence[Contour], *, stroke: float = 0.0) -> Mask:
    """Return the mask of a path.

    Args:
        width: Width of the mask in pixels.
        height: Its height.
        contours: The path in pixels of the mask.
        stroke: Width in pixels of a line along it, with round joins; 0 fills what it encloses (rule `nonzero`).
    """
    samples = _FINE if width * height <= _FINE_UP_TO else _COARSE
    contours = [part for one in contours for part in _nearby(one, width, height, stroke)]
    rows = max(1, _MOST_SAMPLES // (width * samples * samples))
    mask = np.empty((height, width), np.float32)
    for top in range(0, height, rows):
        band = mask[top : top + rows]
        moved = [replace(one, points=tuple((x, y - top) for x, y in one.points)) for one in contours]
        fine = _fine_mask((band.shape[0] * samples, width * samples), moved, samples, stroke)
        small = cv2.resize(fine, (width, band.shape[0]), interpolation=cv2.INTER_AREA)
        np.multiply(small, np.float32(1 / 255), out=band)
    return mask


def _fine_mask(size: tuple[int, int], contours: Sequence[Contour], samples: int, stroke: float) -> NDArray[np.uint8]:
    """Return the samples of a mask of a size (height, width): 255 where a path covers them, else 0."""
    if stroke:
        fine = np.zeros(size, np.uint8)
        for contour in contours:
            points = _scaled(contour, samples, 0)
            cv2.polylines(fine, [points], contour.is_closed, 255, max(1, round(stroke * samples)), cv2.LINE_8, 0)
        return fine
    winding = np.zeros(size, np.int16)
    for contour in contours:
        part = np.zeros(size, np.uint8)
        cv2.fillPoly(part, [_scaled(contour, samples, _SHIFT)], 1, cv2.LINE_8, _SHIFT)
        winding += part if _turns_right(contour) else -part.astype(np.int16)
    return np.where(winding != 0, np.uint8(255), np.uint8(0))


def _scaled(contour: Contour, samples: int, shift: int) -> NDArray[np.int32]:
    # OpenCV counts from the middle of a sample.
    return np.rint((np.array(contour.points) * samples - 0.5) * (1 << shift)).astype(np.int32)


def _nearby(contour: Contour, width: int, height: int, stroke: float) -> Iterator[Contour]:
    """Yield what matters of a contour for a mask: all of it, unless some of its points lie farther than OpenCV counts.

    What encloses an area is cut off far outside of the mask, so that it encloses the same in there; a line is left out
    where it is far outside.
    """
    if all(max(abs(x), abs(y)) < _FAR for x, y in contour.points):
        yield contour
        return
    edges = (-_MARGIN - stroke, width + _MARGIN + stroke), (-_MARGIN - stroke, height + _MARGIN + stroke)
    if not stroke:
        points = list(contour.points)
        for axis, limits in enumerate(edges):
            for limit, sign in zip(limits, (1, -1), strict=True):
                points = list(_cut_off(points, axis, limit, sign))
        if points:
            yield replace(contour, points=tuple(points))
        return
    ends = (*contour.points, *contour.points[:1]) if contour.is_closed else contour.points
    for start, end in pairwise(ends):
        within = _within_edges(start, end, edges)
        if within is not None:
            yield Contour(within, is_closed=False)


def _cut_off(points: Sequence[Point], axis: int, limit: float, sign: int) -> Iterator[Point]:
    """Yield the outline of what lies on one side of a limit (Sutherland and Hodgman, 1974)."""
    for start, end in pairwise((*points[-1:], *points)):
        before, after = (start[axis] - limit) * sign, (end[axis] - limit) * sign
        if (before < 0) != (after < 0):
            yield _between(start, end, before / (before - after))
        if after >= 0:
            yield end


def _within_edges(
    start: Point, end: Point, edges: tuple[tuple[float, float], tuple[float, float]]
) -> tuple[Point, Point] | None:
    """Return the part of a line inside a rectangle (Liang and Barsky, 1984); None where there is none."""
    first, last = 0.0, 1.0
    for axis, (low, high) in enumerate(edges):
        length = end[axis] - start[axis]
        if not length:
            if not low <= start[axis] <= high:
                return None
            continue
        enters, leaves = sorted(((low - start[axis]) / length, (high - start[axis]) / length))
        first, last = max(first, enters), min(last, leaves)
    return (_between(start, end, first), _between(start, end, last)) if first <= last else None


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _turns_right(contour: Contour) -> bool:
    points = contour.points
    following = (*points[1:], points[0])
    return math.fsum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, following, strict=True)) >= 0


def _from_middle(
    width: int, height: int, area: tuple[float, float, float, float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    left, top, across, down = area
    x = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5 - left - across / 2)
    y = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5 - top - down / 2)
    return x, y
