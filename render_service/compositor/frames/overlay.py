"""Overlays for video frames: premultiplied YUV 4:2:0 planes with opacity, drawn once and blended often."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Channel = NDArray[np.float32]

# Limited-range BT.709 (ITU-R BT.709-6, 3.2, 3.3 and 3.4) of red, green and blue, each 0–1; then the offset.
_LUMA = (0.2126 * 219, 0.7152 * 219, 0.0722 * 219, 16)
_CHROMA_U = (-0.2126 / 1.8556 * 224, -0.7152 / 1.8556 * 224, 0.5 * 224, 128)
_CHROMA_V = (0.5 * 224, -0.7152 / 1.5748 * 224, -0.0722 / 1.5748 * 224, 128)

# Rows of a drawing that are converted at a time: of a large one, each step would take as much memory as itself.
_BAND = 512


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A rectangle that is blended over frames of limited-range BT.709 YUV 4:2:0.

    Args:
        x: Left edge in the frame, in luma pixels, even.
        y: Top edge in the frame, in luma pixels, even.
        luma: Y times opacity, shape (height, width), both even.
        chroma_u: Cb times opacity, shape (height / 2, width / 2).
        chroma_v: Cr times opacity, shape (height / 2, width / 2).
        clear: 255 minus the opacity, shape of `luma`: the share of the frame that stays visible.
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


def faded(overlay: Overlay, opacity: float) -> Overlay:
    """Return an overlay with its opacity multiplied by 0–1."""

    def scaled(plane: Plane) -> Plane:
        return np.asarray(cv2.convertScaleAbs(plane, alpha=opacity), np.uint8)

    def cleared(plane: Plane) -> Plane:
        return np.asarray(cv2.convertScaleAbs(plane, alpha=opacity, beta=255 * (1 - opacity)), np.uint8)

    return replace(
        overlay,
        luma=scaled(overlay.luma),
        chroma_u=scaled(overlay.chroma_u),
        chroma_v=scaled(overlay.chroma_v),
        clear=cleared(overlay.clear),
        clear_chroma=cleared(overlay.clear_chroma),
    )


def overlay_from_rgba(premultiplied: Channel, x: int, y: int) -> Overlay:
    """Make an overlay from an RGBA drawing.

    Args:
        premultiplied: Red, green, blue (each times opacity) and opacity, 0–1, full-range, shape (height, width, 4);
            both sides even.
        x: Left edge in the frame, in pixels, even.
        y: Top edge in the frame, in pixels, even.

    Returns:
        The overlay, its chroma averaged over 2 × 2 pixels.
    """
    bands = []
    for top in range(0, max(1, premultiplied.shape[0]), _BAND):
        band = premultiplied[top : top + _BAND]
        channels = [np.ascontiguousarray(band[..., number]) for number in range(4)]
        bands.append(overlay_from_channels((channels[0], channels[1], channels[2]), channels[3], x, y))
    if len(bands) == 1:
        return bands[0]
    planes = ("luma", "chroma_u", "chroma_v", "clear", "clear_chroma")
    return Overlay(x, y, *(np.concatenate([getattr(band, name) for band in bands]) for name in planes))


def overlay_from_channels(colours: tuple[Channel, Channel, Channel], opacity: Channel, x: int, y: int) -> Overlay:
    """Make an overlay from separate channels.

    Products and sums are taken one by one in a fixed order, so that every machine computes the same bytes.

    Args:
        colours: Red, green, blue, each times opacity, 0–1, full-range, shape (height, width); both sides even.
        opacity: Opacity, 0–1, of the same shape.
        x: Left edge in the frame, in pixels, even.
        y: Top edge in the frame, in pixels, even.

    Returns:
        The overlay, its chroma averaged over 2 × 2 pixels.
    """
    height, width = opacity.shape
    assert x % 2 == y % 2 == height % 2 == width % 2 == 0
    small = tuple(_halved(colour) for colour in colours)
    opacity_small = _halved(opacity)
    return Overlay(
        x,
        y,
        _weighted(_LUMA, (*colours, opacity)),
        _weighted(_CHROMA_U, (*small, opacity_small)),
        _weighted(_CHROMA_V, (*small, opacity_small)),
        _to_byte(255 - 255 * opacity),
        _to_byte(255 - 255 * opacity_small),
    )


def _halved(channel: Channel) -> Channel:
    halved: Channel = channel[::2, ::2] + channel[::2, 1::2]
    halved += channel[1::2, ::2]
    halved += channel[1::2, 1::2]
    halved *= np.float32(0.25)
    return halved


def _weighted(weights: tuple[float, ...], channels: tuple[Channel, ...]) -> Plane:
    total: Channel = channels[0] * np.float32(weights[0])
    for weight, channel in zip(weights[1:], channels[1:], strict=True):
        total += channel * np.float32(weight)
    return _to_byte(total)


def _to_byte(values: Channel) -> Plane:
    return np.rint(values).clip(0, 255).astype(np.uint8)
