"""Drawings with opacity: how they are coloured, laid over each other, and given a shadow.

A drawing is an array of shape (height, width, 4): red, green, blue, each times opacity, and opacity, 0–1, full-range
sRGB. A mask is an array of shape (height, width), 0–1.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.domain.layers.colors import Rgba, parse_color
from render_service.domain.layers.model import Gradient, GradientKind, Shadow

Pixels = NDArray[np.float32]
Mask = NDArray[np.float32]

Bytes = NDArray[np.uint8]

# Up to this standard deviation, in pixels, blurs are computed at full resolution.
_FINE_SIGMA = 12.0
_SHADOW = (0.0, 0.0, 0.0, 0.6)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A drawing in its place.

    Args:
        pixels: See above.
        x: Its left edge in the frame, in pixels; may lie outside.
        y: Its top edge in the frame.
    """

    pixels: Pixels
    x: int
    y: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])


def empty(width: int, height: int) -> Pixels:
    """Return a drawing of nothing."""
    return np.zeros((height, width, 4), np.float32)


def lay_over(under: Pixels, upper: Pixels) -> None:
    """Lay a drawing over another of the same size, in place."""
    under *= 1 - upper[..., 3:]
    under += upper


def coloured(mask: Mask, colour: Rgba) -> Pixels:
    """Return a drawing in one colour with the opacity of a mask."""
    red, green, blue, opacity = colour
    premultiplied = np.array((red * opacity, green * opacity, blue * opacity, opacity), np.float32)
    return np.asarray(mask[..., None] * premultiplied, np.float32)


def filled(mask: Mask, color: str, gradient: Gradient | None, area: tuple[float, float, float, float]) -> Pixels:
    """Return a drawing with the opacity of a mask, in a color or a gradient.

    Args:
        mask: The mask.
        color: The color, if there is no gradient.
        gradient: The gradient.
        area: Left, top, width and height in pixels of what the gradient runs over, in the mask.
    """
    if gradient is None:
        return coloured(mask, parse_color(color))
    return np.asarray(_gradient(gradient, mask.shape[1], mask.shape[0], area) * mask[..., None], np.float32)


def _gradient(gradient: Gradient, width: int, height: int, area: tuple[float, float, float, float]) -> Pixels:
    """Return a gradient as CSS defines it (css-images-4, 3.1 and 3.2): stops are blended with colours times opacity."""
    left, top, across, down = area
    x = np.arange(width, dtype=np.float32) + np.float32(0.5 - left - across / 2)
    y = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5 - top - down / 2)
    if gradient.kind is GradientKind.LINEAR:
        sine, cosine = math.sin(math.radians(gradient.angle)), math.cos(math.radians(gradient.angle))
        length = max(abs(across * sine) + abs(down * cosine), 1e-6)
        place = x * np.float32(sine / length) - y * np.float32(cosine / length) + np.float32(0.5)
    else:
        # An ellipse through the corners.
        rx, ry = (max(length / math.sqrt(2), 1e-6) for length in (across, down))
        place = np.sqrt((x * np.float32(1 / rx)) ** 2 + (y * np.float32(1 / ry)) ** 2)
    positions = [stop.position for stop in gradient.stops]
    colours = [parse_color(stop.color) for stop in gradient.stops]
    drawn = empty(width, height)
    for channel in range(4):
        values = [colour[channel] * (colour[3] if channel < 3 else 1) for colour in colours]
        drawn[..., channel] = np.interp(place, positions, values)
    return drawn


def softened(plane: Bytes, sigma: float, *, border: int = cv2.BORDER_REFLECT_101) -> Bytes:
    """Return bytes blurred by a Gaussian; wide blurs are computed at a lower resolution, at the cost of narrow ones.

    Bytes, since OpenCV blurs them alike on every machine.

    Args:
        plane: Shape (height, width) or (height, width, channels).
        sigma: Standard deviation in pixels.
        border: What lies beyond the edges, as OpenCV names it.
    """
    step = 1 << max(0, math.floor(math.log2(sigma / _FINE_SIGMA))) if sigma > _FINE_SIGMA else 1
    if step == 1:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=border), np.uint8)
    height, width = plane.shape[:2]
    coarse = (-(-width // step), -(-height // step))
    small = cv2.resize(plane, coarse, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=border)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def with_shadow(drawing: Drawing, shadow: Shadow, side: int) -> Drawing:
    """Return a drawing over its shadow; `side` is the frame's shorter side in pixels."""
    red, green, blue, opacity = parse_color(shadow.color) if shadow.color else _SHADOW
    blur, across, down = shadow.blur * side, round(shadow.x * side), round(shadow.y * side)
    reach = math.ceil(1.5 * blur) + 1
    left, right = max(0, reach - across), max(0, reach + across)
    top, bottom = max(0, reach - down), max(0, reach + down)
    pixels = np.pad(drawing.pixels, ((top, bottom), (left, right), (0, 0)))
    cast = np.roll(np.rint(pixels[..., 3] * 255).astype(np.uint8), (down, across), axis=(0, 1))
    if blur >= 0.5:
        # The blur's standard deviation is half its reach, as in CSS.
        cast = softened(cast, blur / 2, border=cv2.BORDER_CONSTANT)
    under = coloured(cast.astype(np.float32) * np.float32(1 / 255), (red, green, blue, opacity))
    lay_over(under, pixels)
    return Drawing(under, drawing.x - left, drawing.y - top)
