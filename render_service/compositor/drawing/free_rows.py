"""Finds the rows of a frame in which captions touch no layer, such as a lower third."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from render_service.compositor.captions.layout import CaptionFormat, block_height, caption_size, max_lines
from render_service.compositor.captions.safe_areas import Rect, even_up
from render_service.compositor.layers.boxes import Area, box_size, placed
from render_service.compositor.layers.poses import keyed_pose
from render_service.compositor.layers.shapes import shape_area
from render_service.compositor.layers.sprites import placing
from render_service.compositor.layers.texts import text_area
from render_service.domain.layers.changing import settling_time
from render_service.domain.layers.model import Layer

Rows = tuple[int, int]
"""The top and the bottom edge of some rows of a frame, in pixels."""

# What covers more of the frame, or more of its height, is a ground that captions are read on.
_GROUND, _GROUND_HEIGHT = 0.4, 0.6
# Rows that are less high, in em of the captions, are of no use.
_LEAST = 1.6
# Space between captions and a layer, as a part of the frame's shorter side.
_GAP = 0.015


def blocked_rows(layers: Sequence[Layer], fmt: CaptionFormat, frame: tuple[int, int]) -> tuple[Rows, ...]:
    """Return the rows of a frame that layers keep captions from.

    Args:
        layers: The layers that are seen with the captions. What fills much of the frame counts as its ground.
        fmt: How the captions are drawn.
        frame: Width and height of the frame in pixels.

    Returns:
        The rows, from the top, in which a layer lies in the columns of captions.
    """
    area, gap = fmt.area(*frame), even_up(_GAP * min(frame))
    rows = {
        (int(rect.y) // 2 * 2 - gap, even_up(rect.y + rect.height) + gap)
        for rect in (_area(layer, frame, fmt.language) for layer in layers)
        if rect.width * rect.height <= _GROUND * frame[0] * frame[1] and rect.height <= _GROUND_HEIGHT * frame[1]
        if rect.x < area.x + area.width and rect.x + rect.width > area.x
    }
    return tuple(sorted(rows))


def clear_of(area: Rect, blocked: Sequence[Rows], fmt: CaptionFormat, frame: tuple[int, int]) -> Rect:
    """Return the rows of an area that captions may use.

    Args:
        area: The part of the frame that captions stay inside.
        blocked: The rows that layers take, from `blocked_rows`.
        fmt: How the captions are drawn.
        frame: Width and height of the frame in pixels.

    Returns:
        Those between two layers that are high enough for a caption and nearest to where captions stand otherwise; the
        highest if none is high enough. The area itself without layers in its way, and where they leave no room.
    """
    size = caption_size(*frame, fmt)
    rows = [row for row in _between(blocked, area.y, area.y + area.height) if row[1] - row[0] >= _LEAST * size]
    if not rows or rows == [(area.y, area.y + area.height)]:
        return area
    lines = max_lines(*frame) if fmt.look is None else fmt.look.lines
    needed = min(block_height([size] * lines, fmt.geometry), area.height)
    place = 1.0 if fmt.look is None else fmt.look.place
    wish = area.y + place * area.height
    first = area.y + place * (area.height - needed)
    for top, bottom in rows:
        if top <= first and first + needed <= bottom:
            return _same_place(area, place, (first, first + needed), (top, bottom))
    fitting = [row for row in rows if row[1] - row[0] >= needed]
    if fitting:
        top, bottom = min(fitting, key=lambda row: max(row[0] - wish, wish - row[1], 0))
    else:
        top, bottom = max(rows, key=lambda row: row[1] - row[0])
    return Rect(area.x, top, area.width, bottom - top)


def _same_place(area: Rect, place: float, caption: tuple[float, float], free: Rows) -> Rect:
    """Return the most of some free rows in which captions stand as they do in the whole area.

    Args:
        area: The whole area.
        place: Where captions stand in it, 0 at the top to 1 at the foot.
        caption: The edges of the highest caption there.
        free: The free rows; they hold the caption.
    """
    above = (caption[0] - free[0]) / place if place > 0 else math.inf
    below = (free[1] - caption[1]) / (1 - place) if place < 1 else math.inf
    spare = min(above, below)
    top = even_up(caption[0] - place * spare)
    return Rect(area.x, top, area.width, int(caption[1] + (1 - place) * spare - top) // 2 * 2)


def _between(blocked: Iterable[tuple[int, int]], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the rows from `first` to `last` that are not blocked."""
    for top, bottom in blocked:
        yield first, min(top, last)
        first = max(first, bottom)
    yield first, last


@lru_cache(maxsize=128)
def _area(layer: Layer, frame: tuple[int, int], language: str) -> Area:
    """Return the rectangle that a layer lies in when its keyframes are past, turned as it is by then."""
    area, box = _box_area(layer, frame, language), layer.box
    if not layer.keyframes and not box.rotation:
        return area
    anchor = (area.x + box.anchor.across * area.width, area.y + box.anchor.down * area.height)
    pose = keyed_pose(layer, settling_time(layer).total_seconds(), frame, anchor)
    across, down = (area.x, area.x + area.width), (area.y, area.y + area.height)
    corners = placing(pose, area.middle) @ np.array([(x, y, 1.0) for x in across for y in down]).T
    (left, top), (right, bottom) = ((float(x), float(y)) for x, y in (corners[:2].min(1), corners[:2].max(1)))
    return Area(left, top, right - left, bottom - top)


def _box_area(layer: Layer, frame: tuple[int, int], language: str) -> Area:
    if layer.text:
        return text_area(layer.text, layer.box, frame, language)
    if layer.shape:
        return shape_area(layer.box, frame)
    # Boxes of pictures and clips have both sides here, or none: `planning` completes them from the files.
    return placed(layer.box, box_size(layer.box, 1.0, frame), Rect(0, 0, *frame), frame)
