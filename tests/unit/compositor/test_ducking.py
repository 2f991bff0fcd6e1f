"""Music gives way to narration smoothly, whatever the narrations are and however the timeline is cut."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.sound.ducking import Ducking, Span, duck_gain, fade_gain, merged

LENGTH = 6_000
DUCKING = Ducking(depth=0.25, attack=200, release=500, hold=300)

spans = st.lists(
    st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(lambda ends: Span(min(ends), max(ends))), max_size=6
)


@given(spans)
def test_narrations_close_together_become_one_and_all_are_covered(narrations: list[Span]) -> None:
    result = merged(narrations, DUCKING.hold)
    assert all(later.start - earlier.end >= DUCKING.hold for earlier, later in pairwise(result))
    for span in narrations:
        if span.end > span.start:
            assert any(whole.start <= span.start and span.end <= whole.end for whole in result)
    assert sum(span.end - span.start for span in result) >= max(
        (span.end - span.start for span in narrations), default=0
    )


@given(spans)
def test_music_is_fully_ducked_while_somebody_speaks(narrations: list[Span]) -> None:
    gain = duck_gain(0, LENGTH, merged(narrations, DUCKING.hold), DUCKING)
    for span in narrations:
        assert np.allclose(gain[span.start : span.end], DUCKING.depth)


@given(spans)
def test_music_is_untouched_far_from_any_narration(narrations: list[Span]) -> None:
    whole = merged(narrations, DUCKING.hold)
    gain = duck_gain(0, LENGTH, whole, DUCKING)
    near = np.zeros(LENGTH, bool)
    for span in whole:
        near[max(0, span.start - DUCKING.attack) : span.end + DUCKING.release] = True
    assert (gain[~near] == 1.0).all()


@given(spans)
def test_the_gain_stays_in_bounds_and_never_jumps(narrations: list[Span]) -> None:
    gain = duck_gain(0, LENGTH, merged(narrations, DUCKING.hold), DUCKING)
    assert gain.min() >= DUCKING.depth - 1e-6
    assert gain.max() <= 1.0
    # The steepest slope of a raised cosine of length n and height h is h · π / 2n.
    steepest = (1 - DUCKING.depth) * np.pi / 2 / min(DUCKING.attack, DUCKING.release)
    assert np.abs(np.diff(gain)).max() <= steepest * 1.01


@given(spans, st.lists(st.integers(1, LENGTH - 1), max_size=5), st.integers(0, 3000), st.integers(0, 3000))
def test_gains_do_not_depend_on_how_the_timeline_is_cut(
    narrations: list[Span], cuts: list[int], fade_in: int, fade_out: int
) -> None:
    whole = merged(narrations, DUCKING.hold)
    span = Span(100, LENGTH - 50)
    edges = [0, *sorted(set(cuts)), LENGTH]
    parts = list(pairwise(edges))
    ducked = np.concatenate([duck_gain(start, end - start, whole, DUCKING) for start, end in parts])
    faded = np.concatenate([fade_gain(start, end - start, span, fade_in, fade_out) for start, end in parts])
    assert np.array_equal(ducked, duck_gain(0, LENGTH, whole, DUCKING))
    assert np.array_equal(faded, fade_gain(0, LENGTH, span, fade_in, fade_out))


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2900), st.integers(0, 2900))
def test_fades_rise_hold_and_fall_within_their_span(start: int, rest: int, fade_in: int, fade_out: int) -> None:
    span = Span(start, start + fade_in + fade_out + rest)
    gain = fade_gain(0, LENGTH + 2000, span, fade_in, fade_out)
    assert (gain[: span.start] == 0).all()
    assert (gain[span.end :] == 0).all()
    assert np.allclose(gain[span.start + fade_in : span.end - fade_out], 1.0)
    assert (np.diff(gain[span.start : span.start + fade_in]) > -1e-7).all()
    assert (np.diff(gain[span.end - fade_out : span.end]) < 1e-7).all()
