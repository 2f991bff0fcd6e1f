"""Decides where a shot's body is cut into slices, so that decoding a clip for them takes linear time.

A slice of a clip is decoded from the last keyframe before it. In a long stretch without a keyframe, equal slices would
decode the stretch again and again: quadratic time. There the slices double in length from the keyframe on, so that all
together decode at most twice what the stretch holds.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from render_service.compositor.media.video_decoding import SEEK_MARGIN_SECONDS
from render_service.domain.projects.media import KeyframeGap

CLIP_SLICE_SECONDS = 3
"""A clip's body is cut so that no slice is longer, but for stretches without a keyframe.

All processes work to the end, an edit costs little, and players can seek.
"""
STILL_SLICE_SECONDS = 20
"""Every slice begins with a keyframe, which renews the texture of the whole picture.

Under a slow camera movement, or none, that is seen as a pulse; movement within clips hides it. So the bodies of
pictures and cards are cut rarely.
"""
_LONGEST_SECONDS = (
    600  # of a slice; in stretches that would need longer ones, time grows faster, but no task is endless
)


def cut_still(first: int, end: int, fps: int) -> list[tuple[int, int]]:
    """Cut frames `first` to `end` of a picture or a card; return the first frame of each slice and the one after it."""
    return list(pairwise([*_even(first, end, STILL_SLICE_SECONDS * fps), end]))


def cut_clip(first: int, end: int, fps: int, gaps: Sequence[KeyframeGap]) -> list[tuple[int, int]]:
    """Cut frames `first` to `end` of a clip.

    Args:
        first: The first frame, counted from the clip's start.
        end: The frame after the last.
        fps: Frames a second.
        gaps: The clip's long stretches without a keyframe, in order.

    Returns:
        The first frame of each slice and the one after its last.
    """
    starts: list[int] = []
    at = first
    for gap in gaps:
        begin = _reached(gap.start, fps)
        # Beyond the clip's end its last picture stays, for which all of the last stretch is decoded.
        after = end if gap.is_last else min(end, _reached(gap.end, fps))
        if after <= at or begin >= end:
            continue
        if begin - at >= fps:
            starts += _even(at, begin, CLIP_SLICE_SECONDS * fps)
            at = begin
        starts += _doubling(begin, at, after, fps)
        at = after
    starts += _even(at, end, CLIP_SLICE_SECONDS * fps)
    return list(pairwise([*starts, end]))


def _reached(keyframe: timedelta, fps: int) -> int:
    """Return the first frame for which a clip is decoded from a keyframe, and not from the one before it."""
    return math.ceil((keyframe.total_seconds() + SEEK_MARGIN_SECONDS) * fps) + 1 if keyframe else 0


def _even(first: int, end: int, longest: int) -> Iterator[int]:
    slices = -(-(end - first) // longest)
    for number in range(slices):
        yield first + (end - first) * number // slices


def _doubling(keyframe: int, first: int, end: int, fps: int) -> Iterator[int]:
    """Yield where slices start, each as long as all before it since the keyframe together."""
    bounds = [end]
    length = end - keyframe
    while length // 2 >= CLIP_SLICE_SECONDS * fps:
        length //= 2
        bounds.append(keyframe + length)
    starts = sorted(bound for bound in bounds if bound > first)
    for start, after in pairwise([first, *starts]):
        yield from _even(start, after, _LONGEST_SECONDS * fps)
