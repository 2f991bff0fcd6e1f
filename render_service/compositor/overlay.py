"""Drawings that lie over video frames: premultiplied YUV 4:2:0 planes with opacity, drawn once, blended often."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

# Limited-range BT.709 (ITU-R BT.709-6, 3.2 and 3.3; quantisation 3.4): rows Y, Cb, Cr; columns R, G, B, each 0–1.
_BT709 = np.array(
    (
        (0.2126 * 219, 0.7152 * 219, 0.0722 * 219),
        (-0.2126 / 1.8556 * 224, -0.7152 / 1.8556 * 224, 0.5 * 224),
        (0.5 * 224, -0.7152 / 1.5748 * 224, -0.0722 / 1.5748 * 224),
    ),
    dtype=np.float32,
)
_OFFSETS = (16.0, 128.0, 128.0)


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A rectangle to be blended over frames of limited-range BT.709 YUV 4:2:0.

    Args:
        x: Left edge in the frame, in luma pixels, even.
        y: Top edge in the frame, in luma pixels, even.
        luma: Y times opacity, shape (height, width), both even.
        chroma_u: Cb times opacity, shape (height / 2, width / 2).
        chroma_v: Cr times opacity, shape (height / 2, width / 2).
        clear: 255 less the opacity, shape of `luma`: the share of the frame that shines through.
        clear_chroma: The same at the chroma planes' resolution.
    """

    x: int
    y: int
    luma: Plane
    chroma_u: Plane
    chroma_v: Plane
    clear: Plane
    clear_chroma: Plane

    @property
    def width(self) -> int:
        """Width in luma pixels."""
        return int(self.luma.shape[1])

    @property
    def height(self) -> int:
        """Height in luma pixels."""
        return int(self.luma.shape[0])

    def blend(self, luma: Plane, chroma_u: Plane, chroma_v: Plane) -> None:
        """Draw the overlay onto a frame, in place.

        Args:
            luma: The frame's Y plane, shape (height, width), writable; strides may be padded.
            chroma_u: The frame's Cb plane, half of that in both directions.
            chroma_v: The frame's Cr plane, likewise.
        """
        for target, x, y, source, clear in (
            (luma, self.x, self.y, self.luma, self.clear),
            (chroma_u, self.x // 2, self.y // 2, self.chroma_u, self.clear_chroma),
            (chroma_v, self.x // 2, self.y // 2, self.chroma_v, self.clear_chroma),
        ):
            height, width = source.shape
            under = target[y : y + height, x : x + width]
            cv2.add(cv2.multiply(under, clear, scale=1 / 255), source, dst=under)


def overlay_from_rgba(premultiplied: NDArray[np.float32], x: int, y: int) -> Overlay:
    """Make an overlay from a drawing.

    Args:
        premultiplied: Red, green, blue (each times opacity) and opacity, 0–1, full-range, shape (height, width, 4);
            both sides even.
        x: Left edge in the frame, in pixels, even.
        y: Top edge in the frame, in pixels, even.

    Returns:
        The overlay, its chroma averaged over 2 × 2 pixels.
    """
    height, width = premultiplied.shape[:2]
    assert x % 2 == y % 2 == height % 2 == width % 2 == 0
    opacity = np.ascontiguousarray(premultiplied[..., 3])
    half = premultiplied.reshape(height // 2, 2, width // 2, 2, 4).mean(axis=(1, 3), dtype=np.float32)
    opacity_half = half[..., 3]
    clear, clear_chroma = 255 - _to_byte(opacity * 255), 255 - _to_byte(opacity_half * 255)
    return Overlay(
        x,
        y,
        _to_byte(premultiplied[..., :3] @ _BT709[0] + _OFFSETS[0] * opacity),
        _to_byte(half[..., :3] @ _BT709[1] + _OFFSETS[1] * opacity_half),
        _to_byte(half[..., :3] @ _BT709[2] + _OFFSETS[2] * opacity_half),
        clear,
        clear_chroma,
    )


def _to_byte(values: NDArray[np.float32]) -> Plane:
    return np.rint(values).clip(0, 255).astype(np.uint8)
