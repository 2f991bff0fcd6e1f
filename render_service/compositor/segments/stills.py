"""Chooses the frames that stand for the shots of a video in its poster and contact sheet."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.plan import PlannedSegment
from render_service.compositor.segments.spec import SegmentSpec
from render_service.domain.projects.timeline import Timeline

Still = tuple[str, int]
"""The key of a segment, and the number of one of its frames."""


def chosen_stills(timeline: Timeline, planned: Sequence[PlannedSegment]) -> tuple[Still, ...]:
    """Choose for every shot the frame that shows it best.

    It is the first frame after the way in at which no caption is fading, so that few frames must be decoded to reach
    it. The video's own first frames are passed over: viewers expect a video to begin from nothing.

    Args:
        timeline: Which shot is seen when.
        planned: All segments, in order.

    Returns:
        One still a shot, in order.
    """
    segments: dict[int, list[PlannedSegment]] = {}
    for segment in planned:
        segments.setdefault(segment.shot_index, []).append(segment)
    return tuple(_best(_candidates(segments[index], timeline.fps // 3)) for index in sorted(segments))


def still_at(planned: Sequence[PlannedSegment], frame: int) -> Still:
    """Return the still that is a frame of the video.

    Args:
        planned: All segments, in order.
        frame: Number of the frame, less than the length of the video.
    """
    segment = planned[bisect_right(planned, frame, key=lambda one: one.start) - 1]
    return segment.job.key, frame - segment.start


def _candidates(segments: Sequence[PlannedSegment], settled: int) -> Iterator[tuple[float, Still]]:
    """Yield the frames of a shot with their clarity, those wanted most first."""
    # A shot as short as the transitions around it has no body: then its way in shows it, best at its end.
    for segment in sorted(segments, key=lambda one: (not one.is_body, one.start)):
        frames = [*range(segment.job.frames)]
        if not segment.is_body:
            frames.reverse()
        elif segment.start == 0:
            frames = frames[settled:] + frames[:settled][::-1]
        spec = SegmentSpec.from_bytes(segment.job.spec)
        for frame in frames:
            yield _clarity(spec, frame), (segment.job.key, frame)


def _best(candidates: Iterable[tuple[float, Still]]) -> Still:
    """Return the first still of full clarity, else the clearest."""
    best, clearest = None, -1.0
    for clarity, still in candidates:
        if clarity > clearest:
            best, clearest = still, clarity
            if clarity >= 1:
                break
    assert best is not None
    return best


def _clarity(spec: SegmentSpec, frame: int) -> float:
    """Return the opacity, 0–1, of the faintest caption that is seen in a frame; 1 where there is none."""
    captions = (one for one in spec.layers if isinstance(one, DrawnCaption))
    return min((one.opacity(frame) for one in captions if one.start <= frame < one.end), default=1.0)
