"""Uncovers the new shot in the order of a map: where it is 0 first, where it is 1 last."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.transitions.effect import Moment, smooth

Map = NDArray[np.float32]
MapMaker = Callable[[int, int], Map]
"""Makes the map of a plane of a width and a height."""

# A map's noise is made at this width and scaled up: it has no finer detail.
_NOISE_WIDTH = 480


def sweep(moment: Moment, make: MapMaker, softness: float, *, done: float | None = None) -> None:
    """Draw a frame of a wipe.

    Args:
        moment: The frame.
        make: Makes the map; results are best cached.
        softness: Width of the soft edge as a part of the map's range, used where the moment has none.
        done: How much is uncovered, 0–1; None eases the moment's own.
    """
    part = smooth(moment.done) if done is None else done
    soft = np.float32(max(softness if moment.softness is None else moment.softness, 0.004))
    edge = np.float32(part) * (1 + soft)
    for before, after, to in moment.planes():
        height, width = to.shape
        share = np.clip((edge - make(width, height)) / soft, 0, 1)
        to[:] = cv2.blendLinear(np.ascontiguousarray(before), np.ascontiguousarray(after), 1 - share, share)


def places(width: int, height: int) -> tuple[Map, Map]:
    """Return x and y of every pixel from the middle, in halves of the frame's diagonal; they can be broadcast."""
    half = np.float32(np.hypot(width, height) / 2)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / half
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / half
    return x[None, :], y[:, None]


def stretched(values: Map) -> Map:
    """Return a map stretched to the range 0–1."""
    low, high = values.min(), values.max()
    result: Map = ((values - low) / (high - low)).astype(np.float32)
    return result


@lru_cache(maxsize=8)
def noise(width: int, height: int, octaves: tuple[int, ...], seed: int) -> Map:
    """Return cloudy noise in which every value 0–1 is as frequent as any other.

    Args:
        width: Of the plane, in pixels.
        height: Of the plane.
        octaves: How many clouds lie along the shorter side, for each layer of them; finer ones count less.
        seed: The same gives the same noise.
    """
    small = (min(width, _NOISE_WIDTH), max(2, round(height * min(1.0, _NOISE_WIDTH / width))))
    random = np.random.default_rng(seed)
    total = np.zeros(small[::-1], np.float32)
    for number, count in enumerate(octaves):
        step = min(small) / count
        grid = random.random((max(2, round(small[1] / step) + 1), max(2, round(small[0] / step) + 1)), np.float32)
        total += cv2.resize(grid, small, interpolation=cv2.INTER_CUBIC) * np.float32(0.45**number)
    return scaled(equalised(total), width, height)


def equalised(values: Map) -> Map:
    """Return a map with the same order of pixels, in which every value 0–1 is as frequent as any other."""
    ranks = np.empty(values.size, np.float32)
    ranks[np.argsort(values, axis=None, kind="stable")] = np.linspace(0, 1, values.size, dtype=np.float32)
    return ranks.reshape(values.shape)


def scaled(values: Map, width: int, height: int) -> Map:
    """Return a map at another size."""
    if values.shape == (height, width):
        return values
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
