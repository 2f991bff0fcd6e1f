"""Stacks masks of one colour each into an overlay, in bytes: fast enough for drawings that change in every frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.frames.overlay import Overlay, overlay_from_rgba

Mask = NDArray[np.uint8]

# Limited-range BT.709 (ITU-R BT.709-6, 3.2 to 3.4) of red, green and blue, each 0–1; then the offset.
_WEIGHTS = (
    (0.2126 * 219, 0.7152 * 219, 0.0722 * 219, 16),
    (-0.2126 / 1.8556 * 224, -0.7152 / 1.8556 * 224, 0.5 * 224, 128),
    (0.5 * 224, -0.7152 / 1.5748 * 224, -0.0722 / 1.5748 * 224, 128),
)


class OverlayStack:
    """An overlay in the making; it begins empty. Its sides, in pixels, are even."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        half = (height // 2, width // 2)
        self._luma = np.zeros((height, width), np.uint8)
        self._chroma = (np.zeros(half, np.uint8), np.zeros(half, np.uint8))
        self._clear = np.full((height, width), 255, np.uint8)
        self._clear_chroma = np.full(half, 255, np.uint8)

    def paint(self, mask: Mask, color: tuple[float, float, float]) -> None:
        """Lay a colour, red, green and blue 0–1 in sRGB, over what is there; 255 in the mask is opaque."""
        small = np.asarray(cv2.resize(mask, self._clear_chroma.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        clear, clear_small = cv2.bitwise_not(mask), cv2.bitwise_not(small)
        luma, *chroma = (
            sum(weight * part for weight, part in zip(weights, (*color, 1.0), strict=True)) for weights in _WEIGHTS
        )
        _over(self._luma, mask, clear, luma)
        for plane, value in zip(self._chroma, chroma, strict=True):
            _over(plane, small, clear_small, value)
        cv2.multiply(self._clear, clear, dst=self._clear, scale=1 / 255)
        cv2.multiply(self._clear_chroma, clear_small, dst=self._clear_chroma, scale=1 / 255)

    def paint_picture(self, picture: Mask) -> None:
        """Lay a picture over what is there: red, green, blue, each times opacity, and opacity, 0–255, last axis."""
        upper = overlay_from_rgba(picture.astype(np.float32) * np.float32(1 / 255), 0, 0)
        for plane, source, clear in (
            (self._luma, upper.luma, upper.clear),
            (self._chroma[0], upper.chroma_u, upper.clear_chroma),
            (self._chroma[1], upper.chroma_v, upper.clear_chroma),
        ):
            cv2.add(cv2.multiply(plane, clear, scale=1 / 255), source, dst=plane)
        cv2.multiply(self._clear, upper.clear, dst=self._clear, scale=1 / 255)
        cv2.multiply(self._clear_chroma, upper.clear_chroma, dst=self._clear_chroma, scale=1 / 255)

    def overlay(self, x: int, y: int) -> Overlay:
        """Return what was painted, with its left and top edge in the frame in pixels, both even."""
        return Overlay(x, y, self._luma, *self._chroma, self._clear, self._clear_chroma)


def _over(plane: Mask, mask: Mask, clear: cv2.typing.MatLike, value: float) -> None:
    cv2.multiply(plane, clear, dst=plane, scale=1 / 255)
    cv2.add(plane, cv2.convertScaleAbs(mask, alpha=value / 255), dst=plane)
