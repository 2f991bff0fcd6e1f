"""Masks of layers: the shape within which a layer is seen."""

import cv2
import numpy as np

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.layers.boxes import Area, box_size, placed
from render_service.compositor.layers.pixels import Drawing, Mask, softened
from render_service.compositor.layers.shapes import fitted, shape_mask
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import load_image
from render_service.domain.layers.model import BoxFit, ShapeLayer
from render_service.domain.layers.model import Mask as LayerMask

# ITU-R BT.709-6, 3.2.
_LUMA = (0.2126, 0.7152, 0.0722)


def mask_over(
    mask: LayerMask, own: Area, place: tuple[int, int, int, int], frame: tuple[int, int], picture: Asset | None
) -> Mask:
    """Return how visible a mask leaves a rectangle of the frame, 0–1.

    Args:
        mask: The mask.
        own: The area of the layer's box, which the mask takes if it has none of its own.
        place: Left, top, width and height of the rectangle in pixels.
        frame: Width and height of the frame in pixels.
        picture: The file of its picture, if it has one.
    """
    area = own if mask.box is None else placed(mask.box, box_size(mask.box, 1.0, frame), Rect(0, 0, *frame), frame)
    left, top, width, height = place
    radius = 0.0 if mask.box is None else mask.box.corner_radius * min(frame)
    inner = (area.x - left, area.y - top, area.width, area.height)
    seen = shape_mask(ShapeLayer(mask.kind, mask.path), inner, (width, height), radius)
    if picture is not None:
        seen *= _shown_by(picture, inner, (width, height))
    if mask.feather * min(frame) >= 0.5:
        coarse = np.rint(seen * 255).astype(np.uint8)
        soft = softened(coarse, mask.feather * min(frame) / 2, border=cv2.BORDER_REPLICATE)
        seen = soft.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(1 - seen if mask.inverted else seen, np.float32)


def _shown_by(asset: Asset, inner: tuple[float, float, float, float], size: tuple[int, int]) -> Mask:
    """Return what a picture over a place lets through: its opacity, or its brightness if it is opaque."""
    left, top = round(inner[0]), round(inner[1])
    width, height = max(1, round(inner[2])), max(1, round(inner[3]))
    picture = load_image(asset, cover=(width, height))
    shown = fitted(picture, (width, height), BoxFit.COVER)
    seen = shown[..., 3] if picture.shape[2] == 4 else shown[..., :3] @ np.array(_LUMA, np.float32)
    whole = np.zeros((size[1], size[0]), np.float32)
    rows = slice(max(0, top), max(0, min(size[1], top + height)))
    columns = slice(max(0, left), max(0, min(size[0], left + width)))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return whole
    whole[rows, columns] = seen[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return whole


def masked(drawing: Drawing, mask: LayerMask, own: Area, frame: tuple[int, int], picture: Asset | None) -> Drawing:
    """Return what a mask leaves of a drawing; the other arguments are those of `mask_over`."""
    seen = mask_over(mask, own, (drawing.x, drawing.y, drawing.width, drawing.height), frame, picture)
    return Drawing(drawing.pixels * seen[..., None], drawing.x, drawing.y)
