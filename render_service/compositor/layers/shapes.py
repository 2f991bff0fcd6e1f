"""Draws shapes and pictures in their boxes."""

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.layers.boxes import Area, box_size, placed
from render_service.compositor.layers.outlines import ellipse_mask, line_mask, path_mask, rectangle_mask
from render_service.compositor.layers.pixels import Drawing, Mask, coloured, empty, filled, lay_over
from render_service.compositor.layers.trimming import rectangle_contour, trimmed_ellipse, trimmed_line, trimmed_path
from render_service.domain.layers.colors import parse_color
from render_service.domain.layers.model import Box, BoxFit, ShapeKind, ShapeLayer, Stroke, Trim
from render_service.domain.layers.path_data import Contour, parse_path

Loader = Callable[[tuple[int, int]], NDArray[np.uint8]]
"""Returns a picture as (height, width, 3 or 4) sRGB with straight alpha; a larger one may be scaled down as long as it
covers the size that it is given."""


def shape_area(box: Box, frame: tuple[int, int]) -> Area:
    """Return the area of a shape: one side alone makes a square."""
    return placed(box, box_size(box, 1.0, frame), Rect(0, 0, *frame), frame)


def draw_shape(shape: ShapeLayer, box: Box, stroke: Stroke | None, frame: tuple[int, int]) -> tuple[Drawing, Area]:
    """Draw a shape before its rotation.

    Args:
        shape: The shape.
        box: Its box.
        stroke: The line along its edge.
        frame: Width and height of the frame in pixels.

    Returns:
        The drawing, and the area of its box.
    """
    area, side = shape_area(box, frame), min(frame)
    thickness = max(1.0, stroke.width * side) if stroke else 0.0
    left, top, width, height, inner = _canvas(area, thickness)
    pixels = empty(width, height)
    if shape.color or shape.gradient:
        mask = shape_mask(shape, inner, (width, height), box.corner_radius * side)
        lay_over(pixels, filled(mask, shape.color, shape.gradient, inner))
    if stroke:
        edge = _shape_edge(shape, inner, (width, height), box.corner_radius * side, thickness)
        lay_over(pixels, coloured(edge, parse_color(stroke.color)))
    return Drawing(pixels, left, top), area


def draw_picture(load: Loader, box: Box, stroke: Stroke | None, frame: tuple[int, int]) -> tuple[Drawing, Area]:
    """Draw a picture before its rotation; the other arguments and the result are those of `draw_shape`."""
    side = min(frame)
    wanted = (math.ceil((box.width or 1) * frame[0]), math.ceil((box.height or 1) * frame[1]))
    if box.width is None and box.height is not None:
        wanted = (1, wanted[1])
    elif box.height is None and box.width is not None:
        wanted = (wanted[0], 1)
    picture = load(wanted)
    shape = picture.shape[1] / picture.shape[0]
    area = placed(box, box_size(box, shape, frame), Rect(0, 0, *frame), frame)
    area = Area(round(area.x), round(area.y), max(1, round(area.width)), max(1, round(area.height)))
    thickness = max(1.0, stroke.width * side) if stroke else 0.0
    radius = box.corner_radius * side
    left, top, width, height, inner = _canvas(area, thickness)
    pixels = empty(width, height)
    x, y = round(inner[0]), round(inner[1])
    shown = pixels[y : y + round(area.height), x : x + round(area.width)]
    shown += fitted(picture, (shown.shape[1], shown.shape[0]), box.fit)
    if radius:
        pixels *= rectangle_mask(width, height, inner, radius)[..., None]
    if stroke:
        edge = _stroked(lambda grown: rectangle_mask(width, height, inner, radius, grown=grown), thickness)
        lay_over(pixels, coloured(edge, parse_color(stroke.color)))
    return Drawing(pixels, left, top), area


def fitted(picture: NDArray[np.uint8], size: tuple[int, int], fit: BoxFit) -> NDArray[np.float32]:
    """Return a picture in a box of a size (width, height): colours times opacity and opacity, 0–1."""
    width, height = size
    rows, columns = picture.shape[:2]
    if fit is BoxFit.COVER:
        scale = max(width / columns, height / rows)
        across, down = min(columns, max(1, round(width / scale))), min(rows, max(1, round(height / scale)))
        left, top = (columns - across) // 2, (rows - down) // 2
        picture = picture[top : top + down, left : left + across]
    elif fit is BoxFit.CONTAIN:
        scale = min(width / columns, height / rows)
        inner = (min(width, max(1, round(columns * scale))), min(height, max(1, round(rows * scale))))
        pixels = empty(width, height)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        pixels[top : top + inner[1], left : left + inner[0]] = _scaled(picture, inner)
        return pixels
    return _scaled(picture, size)


def _scaled(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    straight = picture.astype(np.float32) * np.float32(1 / 255)
    if straight.shape[2] == 3:
        straight = np.dstack((straight, np.ones(straight.shape[:2], np.float32)))
    # Scaled with colours times opacity: invisible pixels must not give their colour to the edges.
    straight[..., :3] *= straight[..., 3:]
    shrinks = size[0] < straight.shape[1] or size[1] < straight.shape[0]
    scaled = cv2.resize(straight, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(scaled, np.float32)


def _canvas(area: Area, thickness: float) -> tuple[int, int, int, int, tuple[float, float, float, float]]:
    """Return left, top, width and height in whole pixels of what a shape covers, and its area in there."""
    reach = thickness / 2 + 1
    left, top = math.floor(area.x - reach), math.floor(area.y - reach)
    width = math.ceil(area.x + area.width + reach) - left
    height = math.ceil(area.y + area.height + reach) - top
    return left, top, width, height, (area.x - left, area.y - top, area.width, area.height)


def shape_mask(
    shape: ShapeLayer, inner: tuple[float, float, float, float], size: tuple[int, int], radius: float
) -> Mask:
    """Return the mask of a shape's inside.

    Args:
        shape: The shape; its colours do not matter.
        inner: Left, top, width and height of its box in the mask, in pixels.
        size: Width and height of the mask in pixels.
        radius: Of the corners of a rectangle, in pixels.
    """
    match shape.kind:
        case ShapeKind.ELLIPSE:
            return ellipse_mask(*size, inner)
        case ShapeKind.PATH:
            return path_mask(*size, [_within(contour, inner) for contour in parse_path(shape.path)])
        case _:
            return rectangle_mask(*size, inner, radius)


def _shape_edge(
    shape: ShapeLayer, inner: tuple[float, float, float, float], size: tuple[int, int], radius: float, thickness: float
) -> Mask:
    left, top, width, height = inner
    if shape.trim is not None and shape.trim != Trim():
        return _trimmed_edge(shape, shape.trim, inner, size, radius, thickness)
    match shape.kind:
        case ShapeKind.LINE:
            return line_mask(*size, (left, top + height / 2), (left + width, top + height / 2), thickness)
        case ShapeKind.ELLIPSE:
            return _stroked(lambda grown: ellipse_mask(*size, inner, grown=grown), thickness)
        case ShapeKind.PATH:
            contours = [_within(contour, inner) for contour in parse_path(shape.path)]
            return path_mask(*size, contours, stroke=thickness)
        case ShapeKind.RECTANGLE:
            return _stroked(lambda grown: rectangle_mask(*size, inner, radius, grown=grown), thickness)


def _trimmed_edge(  # noqa: PLR0917 - those of `_shape_edge`, and the part
    shape: ShapeLayer,
    trim: Trim,
    inner: tuple[float, float, float, float],
    size: tuple[int, int],
    radius: float,
    thickness: float,
) -> Mask:
    if trim.start >= trim.end:
        return np.zeros((size[1], size[0]), np.float32)
    match shape.kind:
        case ShapeKind.LINE:
            return trimmed_line(size, inner, trim, thickness)
        case ShapeKind.ELLIPSE:
            return trimmed_ellipse(size, inner, trim, thickness)
        case ShapeKind.PATH:
            contours = [_within(contour, inner) for contour in parse_path(shape.path)]
            return trimmed_path(size, contours, trim, thickness)
        case ShapeKind.RECTANGLE:
            return trimmed_path(size, [rectangle_contour(inner, radius)], trim, thickness)


def _stroked(mask: Callable[[float], Mask], thickness: float) -> Mask:
    return np.asarray(np.maximum(mask(thickness / 2) - mask(-thickness / 2), 0), np.float32)


def _within(contour: Contour, inner: tuple[float, float, float, float]) -> Contour:
    """Return a contour, given in hundredths of its box, in pixels."""
    left, top, width, height = inner
    points = tuple((left + x * width / 100, top + y * height / 100) for x, y in contour.points)
    return replace(contour, points=points)
