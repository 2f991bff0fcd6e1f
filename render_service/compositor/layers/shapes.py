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
from render_service.compositor.layers.pixels import Drawing, Mask, Pixels, coloured, empty, filled, lay_over
from render_service.compositor.layers.trimming import rectangle_contour, trimmed_ellipse, trimmed_line, trimmed_path
from render_service.compositor.layers.windows import Visible
from render_service.domain.layers.colors import parse_color
from render_service.domain.layers.model import Box, BoxFit, ShapeKind, ShapeLayer, Stroke, Trim
from render_service.domain.layers.path_data import Contour, parse_path

Loader = Callable[[tuple[int, int]], NDArray[np.uint8]]
"""Returns a picture as (height, width, 3 or 4) sRGB with straight alpha; a larger one may be scaled down as long as it
covers the size that it is given."""


def shape_area(box: Box, frame: tuple[int, int]) -> Area:
    """Return the area of a shape: one side alone makes a square."""
    return placed(box, box_size(box, 1.0, frame), Rect(0, 0, *frame), frame)


def draw_shape(
    shape: ShapeLayer, box: Box, stroke: Stroke | None, frame: tuple[int, int], visible: Visible | None = None
) -> tuple[Drawing, Area]:
    """Draw a shape before its rotation.

    Args:
        shape: The shape.
        box: Its box.
        stroke: The line along its edge.
        frame: Width and height of the frame in pixels.
        visible: Tells what of it is drawn; None: all.

    Returns:
        The drawing, and the area of its box.
    """
    area, side = shape_area(box, frame), min(frame)
    thickness = max(1.0, stroke.width * side) if stroke else 0.0
    left, top, width, height, inner = _canvas(area, thickness, visible)
    pixels = empty(width, height)
    if shape.color or shape.gradient:
        mask = shape_mask(shape, inner, (width, height), box.corner_radius * side)
        lay_over(pixels, filled(mask, shape.color, shape.gradient, inner))
    if stroke:
        edge = _shape_edge(shape, inner, (width, height), box.corner_radius * side, thickness)
        lay_over(pixels, coloured(edge, parse_color(stroke.color)))
    return Drawing(pixels, left, top), area


def draw_picture(
    load: Loader, box: Box, stroke: Stroke | None, frame: tuple[int, int], visible: Visible | None = None
) -> tuple[Drawing, Area]:
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
    left, top, width, height, inner = _canvas(area, thickness, visible)
    pixels = empty(width, height)
    x, y = round(inner[0]), round(inner[1])
    if x >= 0 <= y and x + area.width <= width and y + area.height <= height:
        shown = pixels[y : y + round(area.height), x : x + round(area.width)]
        shown += fitted(picture, (shown.shape[1], shown.shape[0]), box.fit)
    else:
        _lay_part(pixels, picture, (x, y, round(area.width), round(area.height)), box.fit)
    if radius:
        pixels *= rectangle_mask(width, height, inner, radius)[..., None]
    if stroke:
        edge = _stroked(lambda grown: rectangle_mask(width, height, inner, radius, grown=grown), thickness)
        lay_over(pixels, coloured(edge, parse_color(stroke.color)))
    return Drawing(pixels, left, top), area


def fitted(picture: NDArray[np.uint8], size: tuple[int, int], fit: BoxFit) -> NDArray[np.float32]:
    """Return a picture in a box of a size (width, height): colours times opacity and opacity, 0–1."""
    picture, (left, top, *inner) = _in_box(picture, size, fit)
    if (inner[0], inner[1]) == size:
        return _scaled(picture, size)
    pixels = empty(*size)
    pixels[top : top + inner[1], left : left + inner[0]] = _scaled(picture, (inner[0], inner[1]))
    return pixels


def _in_box(
    picture: NDArray[np.uint8], size: tuple[int, int], fit: BoxFit
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """Return the part of a picture that a box shows, and where: left, top, width and height in the box."""
    width, height = size
    rows, columns = picture.shape[:2]
    if fit is BoxFit.COVER:
        scale = max(width / columns, height / rows)
        across, down = min(columns, max(1, round(width / scale))), min(rows, max(1, round(height / scale)))
        left, top = (columns - across) // 2, (rows - down) // 2
        return picture[top : top + down, left : left + across], (0, 0, width, height)
    if fit is BoxFit.CONTAIN:
        scale = min(width / columns, height / rows)
        across, down = min(width, max(1, round(columns * scale))), min(height, max(1, round(rows * scale)))
        return picture, ((width - across) // 2, (height - down) // 2, across, down)
    return picture, (0, 0, width, height)


def _lay_part(pixels: Pixels, picture: NDArray[np.uint8], place: tuple[int, int, int, int], fit: BoxFit) -> None:
    """Draw what lies in a drawing of a picture whose box (left, top, width and height) reaches beyond it."""
    picture, (left, top, width, height) = _in_box(picture, (place[2], place[3]), fit)
    across, columns = _overlap(place[0] + left, width, picture.shape[1], pixels.shape[1])
    down, rows = _overlap(place[1] + top, height, picture.shape[0], pixels.shape[0])
    if across.start >= across.stop or down.start >= down.stop:
        return
    scale_x, scale_y = picture.shape[1] / width, picture.shape[0] / height
    part = _premultiplied(picture[rows, columns])
    # Where the pixels of the drawing lie in the part; both count from the middles of pixels.
    x = (np.arange(across.start, across.stop) + 0.5 - place[0] - left) * scale_x - 0.5 - columns.start
    y = (np.arange(down.start, down.stop) + 0.5 - place[1] - top) * scale_y - 0.5 - rows.start
    size = (across.stop - across.start, down.stop - down.start)
    if scale_x > 1 or scale_y > 1:
        # Shrunk by areas, to the whole pixel.
        pixels[down, across] = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        return
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    pixels[down, across] = cv2.remap(part, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _overlap(start: int, length: int, samples: int, limit: int) -> tuple[slice, slice]:
    """Return what a stretch covers of a drawing's axis up to a limit, and the samples of the picture seen there."""
    first, last = max(0, start), min(limit, start + length)
    scale = samples / length
    spare = 0 if scale > 1 else 1
    begin = min(samples - 1, max(0, math.floor((first - start) * scale) - spare))
    return slice(first, last), slice(begin, max(begin + 1, min(samples, math.ceil((last - start) * scale) + spare)))


def _scaled(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    shrinks = size[0] < picture.shape[1] or size[1] < picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(_premultiplied(picture), size, interpolation=method), np.float32)


def _premultiplied(picture: NDArray[np.uint8]) -> Pixels:
    straight = picture.astype(np.float32) * np.float32(1 / 255)
    if straight.shape[2] == 3:
        straight = np.dstack((straight, np.ones(straight.shape[:2], np.float32)))
    # Scaled with colours times opacity: invisible pixels must not give their colour to the edges.
    straight[..., :3] *= straight[..., 3:]
    return straight


def _canvas(
    area: Area, thickness: float, visible: Visible | None
) -> tuple[int, int, int, int, tuple[float, float, float, float]]:
    """Return left, top, width and height in whole pixels of what is drawn of a shape, and its area in there."""
    reach = thickness / 2 + 1
    left, top = math.floor(area.x - reach), math.floor(area.y - reach)
    right, bottom = math.ceil(area.x + area.width + reach), math.ceil(area.y + area.height + reach)
    if visible is not None:
        # A pixel stays of what lies outside.
        first_x, first_y, last_x, last_y = visible(area)
        left, right = min(max(left, first_x), last_x - 1), min(max(right, first_x + 1), last_x)
        top, bottom = min(max(top, first_y), last_y - 1), min(max(bottom, first_y + 1), last_y)
    return left, top, right - left, bottom - top, (area.x - left, area.y - top, area.width, area.height)


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
        return _trimmed_edge(shape, inner, size, radius, thickness)
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


def _trimmed_edge(
    shape: ShapeLayer, inner: tuple[float, float, float, float], size: tuple[int, int], radius: float, thickness: float
) -> Mask:
    trim = shape.trim or Trim()
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
