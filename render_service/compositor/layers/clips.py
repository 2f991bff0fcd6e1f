"""Clips in boxes: a moving picture in a frame of stroke and shadow that is drawn once."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.frames.overlay import Overlay, overlay_from_rgba
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.boxes import Area, box_size, placed
from render_service.compositor.layers.filters import filtered_planes, kept_by_key
from render_service.compositor.layers.masks import mask_over
from render_service.compositor.layers.outlines import rectangle_mask
from render_service.compositor.layers.pixels import Drawing, Pixels, coloured, empty, lay_over, with_shadow
from render_service.compositor.luts.applying import TableFilter
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.clip_source import clip_shape
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.domain.layers.colors import parse_color
from render_service.domain.layers.model import BoxFit, Layer
from render_service.domain.projects.project import Fit

_FITS = {BoxFit.COVER: Fit.COVER, BoxFit.CONTAIN: Fit.CONTAIN}
_Plane = NDArray[np.uint8]


class ClipPicture:
    """A clip in its box.

    Args:
        layer: A layer with a clip.
        asset: Its file.
        frame: Width and height of the frames in pixels.
        fps: Frames per second.
        mask: The file of the picture of its mask, if that has one.
        table: The table of colors of its filters, if they have one.

    Attributes:
        area: The area of its box.
        x: Left edge of its overlays in the frame, in pixels, even.
        y: Their top edge, even.
    """

    def __init__(
        self,
        layer: Layer,
        asset: Asset,
        frame: tuple[int, int],
        fps: int,
        *,
        mask: Asset | None = None,
        table: TableFilter | None = None,
    ) -> None:
        size = box_size(layer.box, 1.0, frame) if _has_shape(layer) else box_size(layer.box, clip_shape(asset), frame)
        area = placed(layer.box, size, Rect(0, 0, *frame), frame)
        width, height = (max(2, round(side / 2) * 2) for side in (area.width, area.height))
        self.area = Area(round(area.x / 2) * 2, round(area.y / 2) * 2, width, height)
        self._asset = asset
        self._form = FrameFormat(width, height, fps, _FITS[layer.box.fit])
        self._reader: ClipReader | None = None
        self._next = -1
        around, weight = _surroundings(layer, self.area, frame, mask)
        self.x, self.y = around.x, around.y
        self._inner = (round(self.area.x) - self.x, round(self.area.y) - self.y)
        self._filters, self._side, self._table = layer.filters, min(frame), table
        self._weight = np.rint(weight * 255).astype(np.uint8)
        self._small = np.asarray(cv2.resize(self._weight, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
        self._around = self._without_clip(overlay_from_rgba(around.pixels, 0, 0))

    def overlay(self, number: int) -> Overlay:
        """Return the clip's frame of a number, counted from its start, at the origin.

        Frames are cheap one after the other; any other opens the file again.
        """
        if self._reader is None or number != self._next:
            self.close()
            self._reader = ClipReader(self._asset, self._form, first=number)
        self._next = number + 1
        planes = self._reader.read()
        key = self._filters.chroma_key if self._filters else None
        kept = kept_by_key(planes, key) if key else None
        if self._filters:
            planes = filtered_planes(planes, self._filters, self._side, self._table)
        if kept is not None:
            return self._keyed(planes, *kept)
        luma, u, v = (plane.copy() for plane in (self._around.luma, self._around.chroma_u, self._around.chroma_v))
        for target, source, weight, step in (
            (luma, planes.y, self._weight, 1),
            (u, planes.u, self._small, 2),
            (v, planes.v, self._small, 2),
        ):
            part = self._part(target, step)
            cv2.add(part, cv2.multiply(source, weight, scale=1 / 255), dst=part)
        return replace(self._around, luma=luma, chroma_u=u, chroma_v=v)

    def _keyed(self, planes: Planes, kept: _Plane, kept_small: _Plane) -> Overlay:
        """Return a frame of which a key leaves some; without surroundings, which would shine through."""
        width, height = self._around.width, self._around.height
        half = (height // 2, width // 2)
        luma, u, v, seen, seen_small = (
            np.zeros(size, np.uint8) for size in ((height, width), half, half, (height, width), half)
        )
        weight, small = (
            cv2.multiply(one, two, scale=1 / 255) for one, two in ((self._weight, kept), (self._small, kept_small))
        )
        for target, source, share, step in (
            (luma, planes.y, weight, 1),
            (u, planes.u, small, 2),
            (v, planes.v, small, 2),
        ):
            self._part(target, step)[...] = cv2.multiply(source, share, scale=1 / 255)
        self._part(seen, 1)[...] = weight
        self._part(seen_small, 2)[...] = small
        return Overlay(0, 0, luma, u, v, 255 - seen, 255 - seen_small)

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()

    def _part(self, plane: _Plane, step: int) -> _Plane:
        left, top = (edge // step for edge in self._inner)
        height, width = self._form.height // step, self._form.width // step
        return plane[top : top + height, left : left + width]

    def _without_clip(self, around: Overlay) -> Overlay:
        """Take out of the surroundings what the black in place of the clip adds to them."""
        for plane, weight, value, step in (
            (around.luma, self._weight, 16, 1),
            (around.chroma_u, self._small, 128, 2),
            (around.chroma_v, self._small, 128, 2),
        ):
            part = self._part(plane, step)
            cv2.subtract(part, cv2.convertScaleAbs(weight, alpha=value / 255), dst=part)
        return around


def _has_shape(layer: Layer) -> bool:
    """Return whether the box says both sides, or neither."""
    return (layer.box.width is None) == (layer.box.height is None)


def _surroundings(layer: Layer, area: Area, frame: tuple[int, int], mask: Asset | None) -> tuple[Drawing, Pixels]:
    """Draw shadow and stroke of a clip, black in its place.

    Returns:
        The drawing, at even coordinates and with even sides, and the opacity 0–1 of each pixel of the clip in it.
    """
    side = min(frame)
    thickness = max(1.0, layer.stroke.width * side) if layer.stroke else 0.0
    reach = int(thickness / 2 + 3) // 2 * 2
    width, height = round(area.width) + 2 * reach, round(area.height) + 2 * reach
    inner, radius = (reach, reach, round(area.width), round(area.height)), layer.box.corner_radius * side
    clip = rectangle_mask(width, height, inner, radius)
    pixels = empty(width, height)
    pixels[..., 3] = clip
    weight = clip
    if layer.stroke:
        color = parse_color(layer.stroke.color)
        outer, hole = (
            rectangle_mask(width, height, inner, radius, grown=grown) for grown in (thickness / 2, -thickness / 2)
        )
        edge = np.maximum(outer - hole, 0)
        lay_over(pixels, coloured(edge, color))
        weight = clip * (1 - edge * np.float32(color[3]))
    x, y = round(area.x) - reach, round(area.y) - reach
    if layer.mask:
        seen = mask_over(layer.mask, area, (x, y, width, height), frame, mask)
        pixels, weight = pixels * seen[..., None], weight * seen
    drawing = Drawing(pixels, x, y)
    if layer.shadow:
        drawing = with_shadow(drawing, layer.shadow, side)
    odd = (drawing.x % 2, drawing.y % 2)
    padded = np.pad(
        drawing.pixels,
        ((odd[1], (drawing.height + odd[1]) % 2), (odd[0], (drawing.width + odd[0]) % 2), (0, 0)),
    )
    own = weight[reach : reach + round(area.height), reach : reach + round(area.width)]
    return Drawing(padded, drawing.x - odd[0], drawing.y - odd[1]), own
