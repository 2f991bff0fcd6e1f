"""Pauses between sentences are 200 to 300 ms long, no pause is longer, and nothing clicks where a pause is changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.speech.kokoro import SAMPLE_RATE, Samples
from render_service.speech.pauses import WINDOW, faded, silent_windows, with_natural_pauses


def voice(seconds: float) -> Samples:
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return faded((0.5 * np.cos(2 * np.pi * 180 * at)).astype(np.float32))


def silence(seconds: float) -> Samples:
    """What a model makes of a pause: not quite nothing."""
    return np.full(round(seconds * SAMPLE_RATE), 0.0005, np.float32)


def pauses_of(sound: Samples) -> list[float]:
    silent = silent_windows(sound)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], silent, [False])).astype(np.int8))).reshape(-1, 2)
    return [float(last - first) * WINDOW / SAMPLE_RATE for first, last in edges if first > 0 and last < silent.size]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.floats(0.4, 1.5), st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 1.2]), st.booleans()), max_size=4
    )
)
def test_pauses_are_natural_and_times_follow(parts: list[tuple[float, float, bool]]) -> None:
    sound, ends, starts = [], [], []
    length = 0.0
    for spoken, pause, ends_sentence in parts:
        starts.append(length + 0.1)
        sound += [voice(spoken), silence(pause)]
        length += spoken
        if ends_sentence:
            ends.append(length + pause / 2)
        length += pause
    sound.append(voice(0.5))
    starts.append(length + 0.1)
    whole = np.concatenate(sound)
    result, moved = with_natural_pauses(whole, ends)
    found = pauses_of(result)
    assert all(pause <= 0.32 for pause in found)
    assert sum(pause >= 0.19 for pause in found) >= sum(ends_sentence for *_, ends_sentence in parts)
    steps = np.abs(np.diff(whole)).max()
    assert np.abs(np.diff(result)).max() <= steps + 0.002
    at = [moved(start) for start in starts]
    assert at == sorted(at)
    # Where something was spoken, it still is.
    for start, now in zip(starts, at, strict=True):
        first, last = round(start * SAMPLE_RATE), round(now * SAMPLE_RATE)
        assert np.allclose(whole[first : first + 1000], result[last : last + 1000], atol=0.02)


def test_speech_with_natural_pauses_stays_as_it_is() -> None:
    sound = np.concatenate([voice(0.5), silence(0.25), voice(0.5)])
    result, moved = with_natural_pauses(sound, [0.6])
    assert np.array_equal(result, sound)
    assert moved(0.8) == 0.8


@pytest.mark.parametrize("size", [0, 1, 100])
def test_the_shortest_sounds_pass(size: int) -> None:
    sound = np.zeros(size, np.float32)
    assert with_natural_pauses(sound, [])[0].size == size
