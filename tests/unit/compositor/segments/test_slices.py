"""However a clip's keyframes lie, its slices cover it, and decoding for them takes linear time."""

from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.media.probing import keyframe_gaps
from render_service.compositor.segments.slices import CLIP_SLICE_SECONDS, cut_clip, cut_still
from render_service.domain.projects.media import KeyframeGap

FPS = 30
MAX_CLIP_FRAMES = 10 * 60 * FPS
"""Shown twice as long, a longer clip would have slices beyond the longest that the module allows, which are split."""


def gaps_of(keyframes: list[int], frames: int) -> list[KeyframeGap]:
    return list(keyframe_gaps([keyframe / FPS for keyframe in keyframes], frames / FPS))


def decoded(slices: list[tuple[int, int]], keyframes: list[int], frames: int) -> int:
    """Return how many pictures of a clip are decoded for slices: each from the last keyframe a second before it."""
    return sum(
        min(after, frames) - max(key for key in (0, *keyframes) if key <= max(0, min(first, frames - 1) - FPS))
        for first, after in slices
    )


@given(
    st.integers(1, MAX_CLIP_FRAMES),
    st.lists(st.integers(0, MAX_CLIP_FRAMES), max_size=12),
    st.floats(0.1, 2),
    st.floats(0, 0.3),
)
def test_slices_cover_the_body_and_decode_a_clip_at_most_about_twice(
    frames: int, keyframes: list[int], part_shown: float, part_before: float
) -> None:
    keyframes = [key for key in keyframes if key < frames]
    end = max(1, round(frames * part_shown))
    first = min(round(frames * part_before), end - 1)
    slices = cut_clip(first, end, FPS, gaps_of(keyframes, frames))
    assert [frame for a, b in slices for frame in range(a, b)] == list(range(first, end))
    # Slices between keyframes that are at most 6 s apart may decode 7 s more each.
    assert decoded(slices, keyframes, frames) <= 2 * max(frames, end) + 7 * FPS * len(slices)


@given(st.integers(60 * FPS, 20 * 60 * FPS))
def test_a_clip_with_one_keyframe_is_decoded_at_most_twice(frames: int) -> None:
    slices = cut_clip(0, frames, FPS, gaps_of([], frames))
    assert len(slices) > 3
    assert decoded(slices, [], frames) <= 2 * frames


def test_a_clip_with_keyframes_is_cut_into_equal_slices() -> None:
    slices = cut_clip(10, 610, FPS, ())
    assert {after - first for first, after in slices} <= {85, 86}
    assert all(after - first <= CLIP_SLICE_SECONDS * FPS for first, after in slices)


def test_a_body_without_frames_has_no_slices() -> None:
    assert cut_clip(5, 5, FPS, gaps_of([], 600)) == []
    assert cut_still(5, 5, FPS) == []
