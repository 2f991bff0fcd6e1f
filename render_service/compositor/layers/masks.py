"""Masks of layers: the shape within which a layer is seen."""

import cv2
import numpy as np

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.layers.boxes import Area, box_size, placed
from render_service.compositor.layers.pixels import Drawing, Mask, softened
from render_service.compositor.layers.shapes import shape_mask
from render_service.domain.layers.model import Mask as LayerMask
from render_service.domain.layers.model import ShapeLayer


def mask_over(mask: LayerMask, own: Area, place: tuple[int, int, int, int], frame: tuple[int, int]) -> Mask:
    """Return how visible a mask leaves a rectangle of the frame, 0–1.

    Args:
        mask: The mask.
        own: The area of the layer's box, which the mask takes if it has none of its own.
        place: Left, top, width and height of the rectangle in pixels.
        frame: Width and height of the frame in pixels.
    """
    area = own if mask.box is None else placed(mask.box, box_size(mask.box, 1.0, frame), Rect(0, 0, *frame), frame)
    left, top, width, height = place
    radius = 0.0 if mask.box is None else mask.box.corner_radius * min(frame)
    inner = (area.x - left, area.y - top, area.width, area.height)
    seen = shape_mask(ShapeLayer(mask.kind, mask.path), inner, (width, height), radius)
    if mask.feather * min(frame) >= 0.5:
        coarse = np.rint(seen * 255).astype(np.uint8)
        soft = softened(coarse, mask.feather * min(frame) / 2, border=cv2.BORDER_REPLICATE)
        seen = soft.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(1 - seen if mask.inverted else seen, np.float32)


def masked(drawing: Drawing, mask: LayerMask, own: Area, frame: tuple[int, int]) -> Drawing:
    """Return what a mask leaves of a drawing; the other arguments are those of `mask_over`."""
    seen = mask_over(mask, own, (drawing.x, drawing.y, drawing.width, drawing.height), frame)
    return Drawing(drawing.pixels * seen[..., None], drawing.x, drawing.y)
