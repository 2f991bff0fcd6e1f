"""Seeded noise: ridges for mountains, and smooth fields for clouds, mist and waves."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[Any]


def cloud_noise(
    random: np.random.Generator, height: int, width: int, cells: tuple[int, int], octaves: int, *, wrap: bool = False
) -> Field:
    """Make a smooth fractal field.

    Args:
        random: Where chance comes from.
        height: Rows of the field.
        width: Columns of the field.
        cells: Hills of the coarsest octave: (down, across).
        octaves: How many octaves are summed, each twice as fine and half as strong.
        wrap: Whether opposite edges fit together.

    Returns:
        Values 0–1 with mean 0.5, shape (height, width).
    """
    if not wrap and min(height, width) > 4 * max(cells) << octaves - 1:
        small = cloud_noise(random, height // 4, width // 4, cells, octaves)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    field = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        down, across = cells[0] << octave, cells[1] << octave
        grid = random.standard_normal((down + 3, across + 3)).astype(np.float32)
        if wrap:
            grid = np.pad(grid[:down, :across], ((0, 3), (0, 3)), mode="wrap")
        rows = np.linspace(1, down + 1, height, endpoint=False, dtype=np.float32)
        columns = np.linspace(1, across + 1, width, endpoint=False, dtype=np.float32)
        where = np.meshgrid(columns, rows)
        field += cv2.remap(grid, where[0], where[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) / 2**octave
    spread = float(field.std()) or 1.0
    return np.clip(0.5 + (field - field.mean()) / spread / 5, 0, 1).astype(np.float32)


def smooth_line(random: np.random.Generator, length: int, hills: float, octaves: int, rough: float = 0.5) -> Field:
    """Make a rolling line.

    Args:
        random: Where chance comes from.
        length: Number of values.
        hills: Hills of the coarsest octave.
        octaves: How many octaves are summed, each twice as fine.
        rough: Strength of each octave relative to the one before.

    Returns:
        Values about 0, within about ±1, shape (length,).
    """
    line = np.zeros(length)
    total = 0.0
    for octave in range(octaves):
        knots = random.uniform(-1, 1, int(hills * 2**octave) + 5)
        place = np.linspace(1, 1 + hills * 2**octave, length)
        start = place.astype(int)
        share = place - start
        ease = share**3 * (share * (share * 6 - 15) + 10)
        line += rough**octave * (knots[start] * (1 - ease) + knots[start + 1] * ease)
        total += rough**octave
    return (line / total * 1.6).astype(np.float32)


def peaks(random: np.random.Generator, length: int, count: float, octaves: int = 6, rough: float = 0.46) -> Field:
    """Make a jagged crest: sharp summits with rough flanks.

    Args:
        random: Where chance comes from.
        length: Number of values.
        count: About how many summits.
        octaves: How many octaves are summed.
        rough: Strength of each octave relative to the one before.

    Returns:
        Heights 0–1, shape (length,).
    """
    crest = np.zeros(length)
    for octave in range(octaves):
        number = int(count * 2**octave) + 3
        knots = np.arange(number) + random.uniform(-0.33, 0.33, number)
        high = random.uniform(0.15, 1.0, number)
        high[::2] *= 0.25
        place = np.linspace(0.5, 0.5 + count * 2**octave, length)
        crest += rough**octave * np.interp(place, knots, high)
    crest -= crest.min()
    return (crest / crest.max()).astype(np.float32)
