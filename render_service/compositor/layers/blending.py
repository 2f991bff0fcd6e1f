"""Blends overlays with frames in other ways than covering them; see CSS Compositing and Blending 1, 9.1."""

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.pixels import Drawing
from render_service.domain.layers.model import Blend

Channel = NDArray[np.float32]

# Limited-range BT.709 (ITU-R BT.709-6, 3.2 to 3.4), and back: red, green and blue 0–1 without the offsets.
_RED_V = 1.5748 / 224
_GREEN_U, _GREEN_V = -0.0722 * 1.8556 / 0.7152 / 224, -0.2126 * 1.5748 / 0.7152 / 224
_BLUE_U = 1.8556 / 224
_LUMA = (0.2126 * 219, 0.7152 * 219, 0.0722 * 219)
_CHROMA_U = (-0.2126 / 1.8556 * 224, -0.7152 / 1.8556 * 224, 0.5 * 224)
_CHROMA_V = (0.5 * 224, -0.7152 / 1.5748 * 224, -0.0722 / 1.5748 * 224)


def blend_drawing(drawing: Drawing, opacity: float, blend: Blend, target: Planes) -> None:
    """Blend a drawing with the part of a frame under it, in place.

    What changes is added to the frame, so that a pixel that the drawing leaves alone keeps its value.

    Args:
        drawing: Inside the frame, at even coordinates and with even sides.
        opacity: Of the whole drawing, 0–1.
        blend: How; not NORMAL.
        target: The frame.
    """
    x, y, width, height = drawing.x, drawing.y, drawing.width, drawing.height
    luma = target.y[y : y + height, x : x + width]
    half = np.s_[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
    chroma_u, chroma_v = target.u[half], target.v[half]
    level = (luma.astype(np.float32) - np.float32(16)) * np.float32(1 / 219)
    u, v = (_doubled(plane) for plane in (chroma_u, chroma_v))
    backdrop = (
        level + v * np.float32(_RED_V),
        level + u * np.float32(_GREEN_U) + v * np.float32(_GREEN_V),
        level + u * np.float32(_BLUE_U),
    )
    alpha = drawing.pixels[..., 3] * np.float32(opacity)
    changes = []
    for number, unlimited in enumerate(backdrop):
        below = np.clip(unlimited, 0, 1)
        source = drawing.pixels[..., number] * np.float32(opacity)
        # With colours times opacity, a blend over an opaque backdrop is: source part + backdrop part − backdrop.
        changes.append(_blended(source, alpha, below, blend) - below)
    _add(luma, changes, _LUMA)
    small = [_halved(change) for change in changes]
    _add(chroma_u, small, _CHROMA_U)
    _add(chroma_v, small, _CHROMA_V)


def _blended(source: Channel, alpha: Channel, below: Channel, blend: Blend) -> Channel:
    """Return one channel of the result; `source` is times `alpha`."""
    match blend:
        case Blend.MULTIPLY:
            return np.asarray(below * (1 - alpha) + source * below, np.float32)
        case Blend.SCREEN:
            return np.asarray(below + source - source * below, np.float32)
        case Blend.OVERLAY:
            dark = 2 * source * below
            light = alpha * (2 * below - 1) + 2 * source * (1 - below)
            return np.asarray(below * (1 - alpha) + np.where(below <= 0.5, dark, light), np.float32)
        case Blend.ADD:
            return np.asarray(np.minimum(below + source, 1), np.float32)
        case Blend.NORMAL:
            return np.asarray(below * (1 - alpha) + source, np.float32)


def _doubled(plane: NDArray[np.uint8]) -> Channel:
    wide = cv2.resize(plane, (plane.shape[1] * 2, plane.shape[0] * 2), interpolation=cv2.INTER_NEAREST)
    return np.asarray(wide.astype(np.float32) - np.float32(128), np.float32)


def _halved(channel: Channel) -> Channel:
    halved: Channel = channel[::2, ::2] + channel[::2, 1::2]
    halved += channel[1::2, ::2]
    halved += channel[1::2, 1::2]
    halved *= np.float32(0.25)
    return halved


def _add(plane: NDArray[np.uint8], changes: list[Channel], weights: tuple[float, float, float]) -> None:
    total = plane.astype(np.float32)
    for weight, change in zip(weights, changes, strict=True):
        total += change * np.float32(weight)
    plane[:] = np.rint(total).clip(0, 255).astype(np.uint8)
