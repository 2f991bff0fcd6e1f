"""The limiter holds every peak under its ceiling, inter-sample peaks included, and leaves quiet sound alone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from render_service.compositor.sound.limiter import CONTEXT, limited
from render_service.compositor.sound.loudness import LoudnessMeter, from_db, to_db

Sound = NDArray[np.float32]


def whole(sound: Sound, gain: float, ceiling: float) -> Sound:
    return limited(np.pad(sound, ((0, 0), (CONTEXT, CONTEXT))), gain, ceiling)


def true_peak(sound: Sound) -> float:
    meter = LoudnessMeter()
    meter.feed(sound)
    return meter.true_peak()


def bursts(seed: int, count: int = 24_000) -> Sound:
    """Noise with sudden loud bursts, at full scale where they are loudest."""
    random = np.random.default_rng(seed)
    level = np.repeat(random.choice([0.02, 0.1, 1.0], count // 600), 600)
    sound: Sound = (random.uniform(-1, 1, (2, count)) * level).astype(np.float32)
    return sound


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.floats(-6, 15))
def test_no_peak_exceeds_the_ceiling(seed: int, gain_db: float) -> None:
    result = whole(bursts(seed), from_db(gain_db), from_db(-2.0))
    assert true_peak(result) <= -2.0 + 0.1


@pytest.mark.parametrize("frequency", [11_025, 12_000, 15_999])
def test_peaks_between_samples_are_held_down(frequency: int) -> None:
    at = np.arange(48_000) / 48_000
    tone = np.sin(2 * np.pi * frequency * at + np.pi / 4).astype(np.float32)
    swell = np.minimum(1, np.minimum(at, 1 - at) * 20).astype(np.float32)
    result = whole(np.stack([tone, tone]) * swell, 1.5, from_db(-1.0))
    assert -1.5 <= true_peak(result) <= -0.9


def test_sound_below_the_ceiling_is_only_amplified() -> None:
    sound = bursts(1) * np.float32(0.2)
    assert np.array_equal(whole(sound, 1.5, 1.0), sound * np.float32(1.5))


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 23_999), max_size=4))
def test_the_result_does_not_depend_on_how_the_sound_is_cut(cuts: list[int]) -> None:
    sound = bursts(7)
    padded = np.pad(sound, ((0, 0), (CONTEXT, CONTEXT)))
    edges = [0, *sorted(set(cuts)), sound.shape[1]]
    parts = [limited(padded[:, start : end + 2 * CONTEXT], 2.0, 0.8) for start, end in pairwise(edges)]
    assert np.allclose(np.concatenate(parts, axis=1), whole(sound, 2.0, 0.8), atol=1e-6)


def test_the_gain_moves_smoothly_so_that_nothing_clicks() -> None:
    at = np.arange(48_000) / 48_000
    tone = (0.4 * np.sin(2 * np.pi * 1000 * at)).astype(np.float32)
    tone[24_000:24_100] *= 2.4
    result = whole(np.stack([tone, tone]), 1.0, 0.5)
    gain = result[0] / np.where(np.abs(tone) > 0.05, tone, np.nan)
    known = gain[~np.isnan(gain)]
    assert np.abs(np.diff(known)).max() < 0.01
    assert np.allclose(known[:20_000], 1.0, atol=1e-6)


def test_decibels_and_gains_are_inverse() -> None:
    assert to_db(from_db(-14.0)) == pytest.approx(-14.0)
    assert to_db(0.0) == -np.inf
