"""The sound that is aligned: 16 kHz, its levels, and where it is silent."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

SAMPLE_RATE = 16_000
"""Hz of the sounds that are aligned, in one channel."""
FRAME = SAMPLE_RATE // 100
"""Samples of one frame: 10 ms."""

Samples = np.ndarray[tuple[int], np.dtype[np.float32]]
Frames = np.ndarray[tuple[int], np.dtype[np.float64]]

# A frame is silent that is so far below the loud ones (decibels), if the silence lasts so long (frames).
_BELOW_LOUD_DB = 35.0
_SHORTEST_SILENCE = 12
_FADE_FRAMES = 2


def resample(samples: Samples, rate: int) -> Samples:
    """Return a sound at 16 kHz.

    Args:
        samples: One channel, full scale ±1.
        rate: Its rate in Hz.
    """
    if rate == SAMPLE_RATE:
        return samples
    import av  # noqa: PLC0415 - takes 0.1 s, which those who only speak need not spend

    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    blocks = [made.to_ndarray().reshape(-1) for part in (frame, None) for made in resampler.resample(part)]
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def frame_levels(samples: Samples) -> Frames:
    """Return the level of every whole frame, in decibels below full scale."""
    whole = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    levels: Frames = 10 * np.log10(np.mean(np.square(whole), axis=1) + 1e-10)
    return levels


def voiced_spans(samples: Samples) -> list[tuple[int, int]]:
    """Return the first frame and the frame after the last of every stretch that is not silent, in order."""
    levels = frame_levels(samples)
    if not levels.size:
        return []
    loud = levels > np.percentile(levels, 95) - _BELOW_LOUD_DB
    spans: list[tuple[int, int]] = []
    for first, last in _runs(loud):
        if spans and first - spans[-1][1] < _SHORTEST_SILENCE:
            spans[-1] = (spans[-1][0], last)
        elif last - first >= _FADE_FRAMES:
            spans.append((first, last))
    return spans


def covered_part(spans: Iterable[tuple[float, float]], samples: Samples) -> float:
    """Return which part, 0–1, of what is not silent in a sound lies in spans of it, in seconds; 1 if all is silent."""
    heard, covered = (np.zeros(samples.size // FRAME + 1, bool) for _ in range(2))
    for first, last in voiced_spans(samples):
        heard[first:last] = True
    for start, end in spans:
        covered[round(start * SAMPLE_RATE / FRAME) : round(end * SAMPLE_RATE / FRAME)] = True
    whole = int(heard.sum())
    return float((heard & covered).sum() / whole) if whole else 1.0


def _runs(flags: Any) -> Iterator[Sequence[int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    yield from edges.reshape(-1, 2).tolist()
