"""Chooses the ground under a transparent picture or clip, so that what it shows stands out."""

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

DARK_GROUND: Colour = (18, 20, 24)
LIGHT_GROUND: Colour = (236, 238, 240)
"""Both in full-range sRGB."""

_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)  # ITU-R BT.709-6, 3.2
# What is darker cannot be told from the dark ground, what is lighter not from the light one.
_DARK, _LIGHT = 70.0, 185.0
# How much more of what is visible must be dark, as a fraction.
_MARGIN = 0.05
# What shows less, in whole pixels or part, has no say: a clip may fade in.
_LEAST_VISIBLE = 0.002


def ground_under(pixels: NDArray[np.uint8]) -> Colour | None:
    """Return the ground on which more of a picture can be seen; the dark one where both are about equal.

    Args:
        pixels: (height, width, 4) sRGB with straight alpha.

    Returns:
        Full-range sRGB; None where next to nothing of the picture is visible.
    """
    opacity = pixels[:, :, 3].astype(np.float32)
    visible = float(opacity.sum())
    if visible < _LEAST_VISIBLE * 255 * opacity.size:
        return None
    luma = pixels[:, :, :3] @ _LUMA
    dark, light = float(opacity[luma < _DARK].sum()), float(opacity[luma > _LIGHT].sum())
    return LIGHT_GROUND if dark - light > _MARGIN * visible else DARK_GROUND
