"""Gain curves of the music: ducked under narration, faded at both ends. Pure functions of the sample's position."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.media.sound_format import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Span:
    """Samples from `start` (included) to `end` (not included) of the timeline."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Ducking:
    """How music gives way: to the linear gain `depth`, within `attack` samples before and `release` after a narration.

    Narrations less than `hold` samples apart are one, so that the music does not pump between sentences.
    """

    depth: float = 0.25
    attack: int = SAMPLE_RATE * 3 // 10
    release: int = SAMPLE_RATE * 8 // 10
    hold: int = SAMPLE_RATE * 3 // 2


def merged(spans: Iterable[Span], hold: int) -> tuple[Span, ...]:
    """Return the spans in order, those less than `hold` samples apart joined into one; empty spans are omitted."""
    result: list[Span] = []
    for span in sorted((span for span in spans if span.end > span.start), key=lambda span: (span.start, span.end)):
        if result and span.start - result[-1].end < hold:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return tuple(result)


def duck_gain(start: int, count: int, spans: Sequence[Span], ducking: Ducking) -> NDArray[np.float32]:
    """Return the gain of the music for the samples `start` to `start + count`.

    It is `depth` within every span, 1 farther than attack or release from all of them, and a raised cosine in between;
    it does not depend on how the timeline is cut into blocks.

    Args:
        start: First sample.
        count: Number of samples.
        spans: Where narration sounds, as `merged` returns them.
        ducking: Depth (linear, 0–1) and lengths in samples (> 0).
    """
    level = np.ones(count, np.float32)  # 0: fully ducked, 1: not at all
    for span in spans:
        first, last = max(start, span.start - ducking.attack), min(start + count, span.end + ducking.release)
        if first >= last:
            continue
        at = np.arange(first, last)
        distance = np.maximum((span.start - at) / ducking.attack, (at - span.end + 1) / ducking.release)
        part = level[first - start : last - start]
        np.minimum(part, _raised_cosine(distance), out=part)
    return (ducking.depth + (1.0 - ducking.depth) * level).astype(np.float32)


def fade_gain(start: int, count: int, span: Span, fade_in: int, fade_out: int) -> NDArray[np.float32]:
    """Return the gain of a sound that is heard in `span` only, for the samples `start` to `start + count`.

    Args:
        start: First sample.
        count: Number of samples.
        span: Where the sound is heard; the gain is 0 outside.
        fade_in: Length of the rise from the span's start, in samples; together with the fall at most the span.
        fade_out: Length of the fall to the span's end, in samples.
    """
    at = np.arange(start, start + count)
    rise = _raised_cosine((at - span.start + 1) / (fade_in + 1))
    fall = _raised_cosine((span.end - at) / (fade_out + 1))
    return np.minimum(rise, fall).astype(np.float32)


def _raised_cosine(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 for x ≤ 0, 1 for x ≥ 1, half a cosine between."""
    if len(x) and x.min() >= 1.0:
        return np.ones(len(x))
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0.0, 1.0))
