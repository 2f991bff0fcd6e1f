"""Sprites: drawings that are moved, scaled, turned, blurred and blended again in each frame, as planes of YUV."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.frames.overlay import Overlay, faded, overlay_from_rgba
from render_service.compositor.layers.pixels import Drawing, Pixels, softened
from render_service.compositor.layers.poses import Pose

Matrix = NDArray[np.float64]
_Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A drawing that is posed again and again.

    Args:
        overlay: Its planes, at the origin.
        pixels: Its colours, for blend modes that need them.
        x: Where its left edge lies in the frame, in pixels of the frame.
        y: Where its top edge lies.
        density: Pixels of the sprite for each pixel of the frame.
    """

    overlay: Overlay
    pixels: Pixels | None
    x: float
    y: float
    density: float

    def part(self, left: int, top: int, right: int, bottom: int) -> "Sprite":
        """Return a rectangle of it, its edges in even pixels of the sprite."""
        rows, columns = slice(top, bottom), slice(left, right)
        half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        whole = self.overlay
        overlay = Overlay(
            *(0, 0, whole.luma[rows, columns], whole.chroma_u[half], whole.chroma_v[half]),
            *(whole.clear[rows, columns], whole.clear_chroma[half]),
        )
        x, y = self.x + left / self.density, self.y + top / self.density
        pixels = None if self.pixels is None else self.pixels[rows, columns]
        return Sprite(overlay, pixels, x, y, self.density)


def sprite_of(drawing: Drawing, density: float, *, has_colours: bool) -> Sprite:
    """Return a drawing as a sprite.

    Args:
        drawing: In pixels of the sprite, as if the frame had so many more.
        density: Pixels of the sprite for each pixel of the frame.
        has_colours: Whether its blend mode needs colours.
    """
    across, down = drawing.width % 2, drawing.height % 2
    pixels = drawing.pixels
    if across or down:
        pixels = np.pad(pixels, ((0, down), (0, across), (0, 0)))
    overlay = overlay_from_rgba(pixels, 0, 0)
    kept = pixels if has_colours else None
    return Sprite(overlay, kept, drawing.x / density, drawing.y / density, density)


def placing(pose: Pose, middle: tuple[float, float]) -> Matrix:
    """Return the 3 × 3 matrix by which a pose moves places; `middle` is what it turns and scales around."""
    sine, cosine = (turn(math.radians(pose.rotation)) * pose.scale for turn in (math.sin, math.cos))
    x, y = middle
    return np.array(
        (
            (cosine, -sine, x + pose.x - cosine * x + sine * y),
            (sine, cosine, y + pose.y - sine * x - cosine * y),
            (0, 0, 1),
        )
    )


def posed(sprite: Sprite, place: Matrix, opacity: float, blur: float, frame: tuple[int, int]) -> Overlay | None:
    """Return what is seen of a sprite in the frame; None for nothing.

    Args:
        sprite: The sprite.
        place: Moves its places in the frame, from `placing`.
        opacity: 0–1.
        blur: Standard deviation of a blur, in pixels of the frame.
        frame: Width and height of the frame in pixels.
    """
    if blur > 0:
        sprite = _blurred(sprite, blur * sprite.density)
    found = _target(sprite, place, frame)
    if found is None or opacity <= 0:
        return None
    (left, top, width, height), back = found
    overlay = sprite.overlay
    luma, clear = (_warped(plane, back, 1, (left, top, width, height), edge) for plane, edge in _fine(overlay))
    u, v, clear_chroma = (_warped(plane, back, 2, (left, top, width, height), edge) for plane, edge in _coarse(overlay))
    result = Overlay(left, top, luma, u, v, clear, clear_chroma)
    return result if opacity >= 1 else faded(result, opacity)


def posed_drawing(sprite: Sprite, place: Matrix, blur: float, frame: tuple[int, int]) -> Drawing | None:
    """Do as `posed`, with colours, for blend modes that need them."""
    if blur > 0:
        sprite = _blurred(sprite, blur * sprite.density)
    found = _target(sprite, place, frame)
    pixels = sprite.pixels
    if found is None or pixels is None:
        return None
    (left, top, width, height), back = found
    shift = _shifted(back, 1, left, top)
    warped = cv2.warpAffine(pixels, shift, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return Drawing(np.asarray(warped, np.float32), left, top)


def _target(sprite: Sprite, place: Matrix, frame: tuple[int, int]) -> tuple[tuple[int, int, int, int], Matrix] | None:
    """Return the rectangle of the frame that a sprite reaches, on even pixels, and the matrix back into the sprite."""
    scale = 1 / sprite.density
    into_frame = place @ np.array(((scale, 0, sprite.x), (0, scale, sprite.y), (0, 0, 1)))
    if abs(np.linalg.det(into_frame)) < 1e-6:
        return None
    width, height = sprite.overlay.width, sprite.overlay.height
    corners = into_frame @ np.array(((0, width, 0, width), (0, 0, height, height), (1, 1, 1, 1)))
    left, top = (max(0, math.floor(corners[axis].min()) // 2 * 2) for axis in (0, 1))
    right, bottom = (
        min(side, -(-math.ceil(corners[axis].max()) // 2) * 2) for axis, side in zip((0, 1), frame, strict=True)
    )
    if left >= right or top >= bottom:
        return None
    return (left, top, right - left, bottom - top), np.linalg.inv(into_frame)


def _fine(overlay: Overlay) -> tuple[tuple[_Plane, int], ...]:
    return (overlay.luma, 0), (overlay.clear, 255)


def _coarse(overlay: Overlay) -> tuple[tuple[_Plane, int], ...]:
    return (overlay.chroma_u, 0), (overlay.chroma_v, 0), (overlay.clear_chroma, 255)


def _warped(plane: _Plane, back: Matrix, step: int, target: tuple[int, int, int, int], edge: int) -> _Plane:
    left, top, width, height = (value // step for value in target)
    shift = _shifted(back, step, left, top)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(plane, shift, (width, height), flags=flags, borderValue=edge)
    return np.asarray(warped, np.uint8)


def _shifted(back: Matrix, step: int, left: int, top: int) -> Matrix:
    """Return the matrix from the pixels of a part of a plane to the sprite's; both count from their middles."""
    linear, shift = back[:2, :2], back[:2, 2] / step
    return np.column_stack((linear, linear @ (left + 0.5, top + 0.5) + shift - 0.5))


def _blurred(sprite: Sprite, sigma: float) -> Sprite:
    """Return a sprite blurred by a standard deviation in its own pixels; it reaches farther out by then."""
    reach = math.ceil(1.5 * sigma) * 2

    def blurred(plane: _Plane, step: int, edge: int) -> _Plane:
        wide = np.pad(plane, reach // step, constant_values=edge)
        return softened(wide, max(sigma / step, 0.1), border=cv2.BORDER_REPLICATE)

    sharp, pixels = sprite.overlay, sprite.pixels
    overlay = Overlay(
        *(0, 0, blurred(sharp.luma, 1, 0), blurred(sharp.chroma_u, 2, 0), blurred(sharp.chroma_v, 2, 0)),
        *(blurred(sharp.clear, 1, 255), blurred(sharp.clear_chroma, 2, 255)),
    )
    if pixels is not None:
        wide = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)))
        pixels = np.asarray(cv2.GaussianBlur(wide, (0, 0), sigma), np.float32)
    away = reach / sprite.density
    return Sprite(overlay, pixels, sprite.x - away, sprite.y - away, sprite.density)


def uncovered(part: Sprite, shown: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Return the edges of the part of a sprite that shares of its sides uncover, in even pixels."""
    width, height = part.overlay.width, part.overlay.height
    left, top, right, bottom = (
        round(share * side / 2) * 2 for share, side in zip(shown, (width, height, width, height), strict=True)
    )
    return left, top, right, bottom
