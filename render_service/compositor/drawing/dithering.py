"""Dithers frames whose smooth gradients would show bands."""

from functools import lru_cache

import cv2
import numpy as np

from render_service.compositor.frames.planes import Plane

# Weaker noise does not survive encoding: x264 rounds it away, and every band becomes a plain area again. This is the
# least that keeps nine in ten blocks of 8 × 8 pixels uneven at crf 21.
_AMPLITUDE = 1.8
_SEED = 20_240_229


def dither(luma: Plane) -> None:
    """Add noise of at most two levels to a frame's luma, in place.

    The noise does not move while the picture moves below it, as the encoder then codes it once, with the keyframe.
    Noise that moved along would be smoothed away by motion compensation.

    Args:
        luma: Limited-range luma, shape (height, width); strides may be padded.
    """
    lighter, darker = _noise(*luma.shape)
    cv2.add(luma, lighter, dst=luma)
    cv2.subtract(luma, darker, dst=luma)


@lru_cache(maxsize=1)
def _noise(height: int, width: int) -> tuple[Plane, Plane]:
    """Return what is added to each pixel, and what is subtracted."""
    noise = np.random.Generator(np.random.PCG64(_SEED)).random((height, width), dtype=np.float32)
    noise -= np.float32(0.5)
    noise *= np.float32(2 * _AMPLITUDE)
    levels = np.rint(noise).astype(np.int8)
    return np.maximum(levels, 0).astype(np.uint8), np.maximum(-levels, 0).astype(np.uint8)
