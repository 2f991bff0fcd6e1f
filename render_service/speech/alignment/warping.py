"""Dynamic time warping (Sakoe and Chiba 1978): which frame of one sound corresponds to which of another.

A first pass compares means of frames over the whole sounds, a second one single frames near the path of the first.
Sounds of ten minutes take some 100 MB.
"""

from typing import Any

import numpy as np

from render_service.speech.alignment.cepstra import Cepstra

_COARSE = 8
"""Frames whose mean the first pass compares: 80 ms."""
_REACH = 50
"""Frames around the path of the first pass that the second one searches."""
_STAY = 0.2
"""Cost of staying at a frame while the other sound goes on, in the distance of unlike frames."""
_DIAGONAL, _DOWN, _RIGHT = 0, 1, 2

Path = np.ndarray[tuple[int], np.dtype[np.float64]]


def warp(one: Cepstra, other: Cepstra) -> Path:
    """Return for each frame of one sound the frame of the other that corresponds to it, ascending.

    Args:
        one: The coefficients of one sound: (frames, values).
        other: Those of the other.

    Returns:
        (frames of `one`); where several frames correspond to one, their mean.
    """
    small, other_small = _means(one), _means(other)
    coarse = _path(small, other_small, np.zeros(len(small), int), len(other_small))
    centres = np.interp(np.arange(len(one)), np.arange(len(small)) * _COARSE + _COARSE / 2, coarse * _COARSE)
    width = min(2 * _REACH + 1, len(other))
    firsts = np.clip(np.round(centres).astype(int) - _REACH, 0, len(other) - width)
    firsts[0] = 0
    firsts = np.maximum.accumulate(firsts)
    return _path(one, other, firsts, width)


def distance(one: Cepstra, other: Cepstra, path: Path) -> float:
    """Return the mean distance between frames that a path makes correspond."""
    frames = np.clip(np.round(path).astype(int), 0, len(other) - 1)
    return float(np.linalg.norm(one - other[frames], axis=1).mean())


def _means(values: Cepstra) -> Cepstra:
    count = -(-len(values) // _COARSE)
    padded = np.pad(values, ((0, count * _COARSE - len(values)), (0, 0)), mode="edge")
    means: Cepstra = padded.reshape(count, _COARSE, -1).mean(axis=1)
    return means


def _path(one: Cepstra, other: Cepstra, firsts: Any, width: int) -> Path:
    """Return the cheapest path through a band.

    Args:
        one: Rows of the band.
        other: Its columns.
        firsts: The first column of each row, not descending.
        width: Columns of each row.
    """
    moves = np.empty((len(one), width), np.uint8)
    scale = np.sqrt(2 * one.shape[1])
    stay = _STAY * scale
    before = np.full(width, np.inf)
    for row, first in enumerate(firsts):
        distances = np.sqrt(np.square(other[first : first + width] - one[row]).sum(axis=1)).astype(np.float64)
        shift = first - firsts[row - 1] if row else 0
        above = np.full(width, np.inf)
        above[: max(0, width - shift)] = before[shift:]
        diagonal = np.full(width, np.inf)
        if row == 0:
            diagonal[0] = 0.0
        elif shift:
            diagonal[: max(0, width - shift + 1)] = before[shift - 1 :][:width]
        else:
            diagonal[1:] = before[:-1]
        down = above + stay
        entry = np.minimum(diagonal, down)
        # The best way along a row: to enter it at any column and go right, each step at its distance and `stay`.
        sums = np.cumsum(distances + stay)
        arrival = entry + distances
        running = np.minimum.accumulate(arrival - sums)
        costs = running + sums
        moves[row] = np.where(costs < arrival - 1e-9, _RIGHT, np.where(diagonal <= down, _DIAGONAL, _DOWN))
        before = costs
    return _traced(moves, firsts, len(other))


def _traced(moves: Any, firsts: Any, columns: int) -> Path:
    sums, counts = np.zeros(len(moves)), np.zeros(len(moves))
    row, column = len(moves) - 1, columns - 1
    while row >= 0 and column >= 0:
        place = min(max(column - firsts[row], 0), moves.shape[1] - 1)
        sums[row] += column
        counts[row] += 1
        move = moves[row, place]
        if move != _DOWN:
            column -= 1
        if move != _RIGHT:
            row -= 1
    counts = np.maximum(counts, 1)
    path: Path = np.maximum.accumulate(sums / counts)
    return path
