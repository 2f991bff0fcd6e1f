"""Filters of layers: brightness, contrast and saturation as in CSS, blur, and a keyed-out colour."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.pixels import Drawing, Mask, softened
from render_service.compositor.luts.applying import TableFilter
from render_service.domain.layers.colors import parse_color
from render_service.domain.layers.model import ChromaKey, Filters

Plane = NDArray[np.uint8]

# ITU-R BT.709-6, 3.2 and 3.3: luma, and the colour differences Cb and Cr, each −0.5 to 0.5.
_LUMA = (0.2126, 0.7152, 0.0722)
_CB, _CR = 1 / 1.8556, 1 / 1.5748


def filtered(drawing: Drawing, filters: Filters, side: int, table: TableFilter | None = None) -> Drawing:
    """Return a drawing with its filters.

    Args:
        drawing: The drawing.
        filters: Its filters.
        side: The frame's shorter side in pixels.
        table: The table of colors of the filters, if they have one.
    """
    pixels = drawing.pixels.copy()
    colours, opacity = pixels[..., :3], pixels[..., 3:]
    if filters.chroma_key:
        luma = colours @ np.array(_LUMA, np.float32)
        alpha = np.maximum(opacity[..., 0], np.float32(1e-6))
        cb, cr = (
            np.asarray((colours[..., at] - luma) / alpha * np.float32(by), np.float32)
            for at, by in ((2, _CB), (0, _CR))
        )
        pixels *= _kept(cb, cr, filters.chroma_key)[..., None]
    if filters.brightness != 1:
        colours *= np.float32(filters.brightness)
        np.minimum(colours, opacity, out=colours)
    if filters.contrast != 1:
        colours -= np.float32(0.5) * opacity
        colours *= np.float32(filters.contrast)
        colours += np.float32(0.5) * opacity
        colours[...] = np.clip(colours, 0, opacity)
    if filters.saturation != 1:
        luma = (colours @ np.array(_LUMA, np.float32))[..., None]
        colours[...] = np.clip(luma + (colours - luma) * np.float32(filters.saturation), 0, opacity)
    if table is not None:
        seen = np.maximum(opacity, np.float32(1e-6))
        colours[...] = table.apply(np.asarray(colours / seen, np.float32)) * opacity
    if filters.blur * side < 0.5:
        return Drawing(pixels, drawing.x, drawing.y)
    reach = math.ceil(1.5 * filters.blur * side) + 1
    wide = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)))
    blurred = softened(np.rint(wide * 255).astype(np.uint8), filters.blur * side / 2)
    return Drawing(blurred.astype(np.float32) * np.float32(1 / 255), drawing.x - reach, drawing.y - reach)


def filtered_planes(planes: Planes, filters: Filters, side: int, table: TableFilter | None = None) -> Planes:
    """Return a frame with its filters but the keyed-out colour; in YUV all but the table of colors are linear."""
    luma, chroma = _tables(filters)
    y, u, v = cv2.LUT(planes.y, luma), cv2.LUT(planes.u, chroma), cv2.LUT(planes.v, chroma)
    if table is not None:
        changed = table.apply_to_planes(Planes(*(np.asarray(plane, np.uint8) for plane in (y, u, v))))
        y, u, v = changed.all()
    sigma = filters.blur * side / 2
    if sigma >= 0.25:
        edge = cv2.BORDER_REPLICATE
        y = softened(np.asarray(y, np.uint8), sigma, border=edge)
        u, v = (softened(np.asarray(plane, np.uint8), sigma / 2, border=edge) for plane in (u, v))
    return Planes(np.asarray(y, np.uint8), np.asarray(u, np.uint8), np.asarray(v, np.uint8))


def _tables(filters: Filters) -> tuple[Plane, Plane]:
    """Return what luma and chroma become, for each of their 256 values."""
    level = np.clip((np.arange(256) - 16) * filters.brightness, 0, 219)
    luma = np.clip((level - 109.5) * filters.contrast + 109.5, 0, 219) + 16
    chroma = (np.arange(256) - 128) * filters.brightness * filters.contrast * filters.saturation + 128
    return np.rint(luma).astype(np.uint8), np.rint(np.clip(chroma, 16, 240)).astype(np.uint8)


def kept_by_key(planes: Planes, key: ChromaKey) -> tuple[Plane, Plane]:
    """Return what a keyed-out colour leaves of a frame, 0–255, at the resolution of luma and of chroma."""
    cb, cr = ((plane.astype(np.float32) - np.float32(128)) * np.float32(1 / 224) for plane in (planes.u, planes.v))
    small = np.rint(_kept(cb, cr, key) * 255).astype(np.uint8)
    whole = cv2.resize(small, (planes.width, planes.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole, np.uint8), small


def _kept(cb: Mask, cr: Mask, key: ChromaKey) -> Mask:
    """Return how visible colours are, 0–1, given by their differences: the farther from the key, the more."""
    red, green, blue, _ = parse_color(key.color)
    luma = sum(weight * part for weight, part in zip(_LUMA, (red, green, blue), strict=True))
    away = np.hypot(cb - np.float32((blue - luma) * _CB), cr - np.float32((red - luma) * _CR))
    kept = (away - np.float32(key.similarity)) * np.float32(1 / max(key.softness, 1e-3))
    return np.asarray(np.clip(kept, 0, 1), np.float32)
