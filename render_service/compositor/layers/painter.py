"""Draws layers onto frames: each is drawn once and blended into its own rectangle."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from render_service.compositor.frames.overlay import Overlay, overlay_from_rgba
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.blending import blend_drawing
from render_service.compositor.layers.boxes import Area
from render_service.compositor.layers.pixels import Drawing, with_shadow
from render_service.compositor.layers.shapes import draw_picture, draw_shape
from render_service.compositor.layers.texts import draw_text
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.layers import DrawnLayer
from render_service.domain.layers.model import Blend


class LayersPainter:
    """Draws the layers of a stretch of frames, the last on top.

    Args:
        layers: The layers.
        frame: Width and height of the frames in pixels.
        assets: Local files by content hash.
    """

    def __init__(self, layers: Sequence[DrawnLayer], frame: tuple[int, int], assets: Mapping[str, Asset]) -> None:
        self._painters = [_LayerPainter(layer, frame, assets) for layer in layers]

    def draw(self, number: int, target: Planes) -> None:
        """Draw what is seen in a frame, counted from the first of the stretch."""
        for painter in self._painters:
            painter.draw(number, target)


class _LayerPainter:
    def __init__(self, drawn: DrawnLayer, frame: tuple[int, int], assets: Mapping[str, Asset]) -> None:
        self._drawn = drawn
        self._frame = frame
        self._assets = assets
        self._still: Overlay | Drawing | None = None
        self._is_empty = False

    def draw(self, number: int, target: Planes) -> None:
        if not self._drawn.start <= number < self._drawn.end or self._is_empty:
            return
        if self._still is None:
            self._still = self._make()
            self._is_empty = self._still is None
        if isinstance(self._still, Overlay):
            self._still.blend(target.y, target.u, target.v)
        elif self._still is not None:
            blend_drawing(self._still, self._drawn.layer.opacity, self._drawn.layer.blend, target)

    def _make(self) -> Overlay | Drawing | None:
        """Draw the layer; None where nothing of it lies in the frame."""
        layer = self._drawn.layer
        drawing, area = draw_layer(self._drawn, self._frame, self._assets)
        if layer.box.rotation:
            drawing = _turned(drawing, area, layer.box.rotation)
        part = _in_frame(drawing, self._frame)
        if part is None or layer.blend is not Blend.NORMAL:
            return part
        return overlay_from_rgba(part.pixels * np.float32(layer.opacity), part.x, part.y)


def draw_layer(drawn: DrawnLayer, frame: tuple[int, int], assets: Mapping[str, Asset]) -> tuple[Drawing, Area]:
    """Draw a layer before its rotation, with its shadow.

    Args:
        drawn: The layer.
        frame: Width and height of the frame in pixels.
        assets: Local files by content hash.

    Returns:
        The drawing, and the area of its box.
    """
    layer = drawn.layer
    if layer.text:
        drawing, area, _ = draw_text(layer.text, layer.box, layer.stroke, frame, drawn.language)
    elif layer.shape:
        drawing, area = draw_shape(layer.shape, layer.box, layer.stroke, frame)
    else:
        asset = assets[drawn.file]
        drawing, area = draw_picture(lambda size: load_image(asset, cover=size), layer.box, layer.stroke, frame)
    return (with_shadow(drawing, layer.shadow, min(frame)) if layer.shadow else drawing), area


def _turned(drawing: Drawing, area: Area, degrees: float) -> Drawing:
    """Return a drawing turned clockwise around the middle of its box."""
    middle = (area.middle[0] - drawing.x, area.middle[1] - drawing.y)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = np.array(((0, 0), (drawing.width, 0), (0, drawing.height), (drawing.width, drawing.height))) - middle
    across, down = corners[:, 0] * cosine - corners[:, 1] * sine, corners[:, 0] * sine + corners[:, 1] * cosine
    left, top = math.floor(across.min()) - 1, math.floor(down.min()) - 1
    width, height = math.ceil(across.max()) + 1 - left, math.ceil(down.max()) + 1 - top
    # A place x of the result shows the place of the drawing that turns to it; both count from the middle of a pixel.
    shift = (0.5 + left - area.middle[0] % 1, 0.5 + top - area.middle[1] % 1)
    back = np.array(
        (
            (cosine, sine, cosine * shift[0] + sine * shift[1] + middle[0] - 0.5),
            (-sine, cosine, -sine * shift[0] + cosine * shift[1] + middle[1] - 0.5),
        )
    )
    turned = cv2.warpAffine(drawing.pixels, back, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    x, y = math.floor(area.middle[0]) + left, math.floor(area.middle[1]) + top
    return Drawing(np.asarray(turned, np.float32), x, y)


def _in_frame(drawing: Drawing, frame: tuple[int, int]) -> Drawing | None:
    """Return the part of a drawing inside the frame, at even coordinates and with even sides; None for nothing."""
    rows, columns = (np.flatnonzero(drawing.pixels[..., 3].any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    left, right = drawing.x + int(columns[0]), drawing.x + int(columns[-1]) + 1
    top, bottom = drawing.y + int(rows[0]), drawing.y + int(rows[-1]) + 1
    left, top = max(0, left // 2 * 2), max(0, top // 2 * 2)
    right, bottom = min(frame[0], -(-right // 2) * 2), min(frame[1], -(-bottom // 2) * 2)
    if left >= right or top >= bottom:
        return None
    x, y = left - drawing.x, top - drawing.y
    part = drawing.pixels[max(0, y) : bottom - drawing.y, max(0, x) : right - drawing.x]
    before = (max(0, -y), max(0, -x))
    after = (bottom - top - before[0] - part.shape[0], right - left - before[1] - part.shape[1])
    padded = np.pad(part, ((before[0], after[0]), (before[1], after[1]), (0, 0)))
    return Drawing(padded, left, top)
