"""Checks a finished video's pictures: no shot with a picture is black, no shot that should move is frozen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from render_service.compositor.media.assets import Media
from render_service.compositor.verification.failure import fail
from render_service.compositor.verification.reference_frames import expected_lumas
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.project import MotionKind
from render_service.domain.projects.shot_source import StillSource, is_clip
from render_service.domain.projects.timeline import Timeline, TimelineShot

Luma = NDArray[np.uint8]

# A picture in which nothing moves is coded as "skipped" for every macroblock: a few bytes for a thousand of them.
# Fewer bytes per pixel than this are suspicious; movement over anything but plain areas takes several times as many.
_SUSPICIOUS_BYTES_PER_PIXEL = 1 / 2000
_LONGEST_FREEZE_SECONDS = 1.0
_DARK_LEVEL = 24  # luma; black is 16, and coding adds a little
_LIT_PART = 0.02  # what must be lit of a picture that is not to count as black itself
_CAPTION_PART = 0.1  # what captions and a watermark light up of a frame at most
_STILL_DIFFERENCE = 0.04  # mean absolute difference of luma that coding alone makes between equal pictures
_VISIBLE_DIFFERENCE = 1.0  # the same between pictures that are meant to differ visibly


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """A coded frame: its size in bytes, and whether decoding can begin there."""

    size: int
    keyframe: bool


Decode = Callable[[Sequence[int]], Mapping[int, Luma]]
"""Decodes frames, given by their numbers in order; returns their luma, a quarter as fine."""


def check_pictures(
    decode: Decode,
    frames: Sequence[CodedFrame],
    timeline: Timeline,
    spec: RenderSpec,
    media: Media,
) -> dict[str, Any]:
    """Decode a sample of frames and judge them.

    Decoded are the first keyframe of every shot and, where a shot that should move has a long run of suspiciously
    small frames, frames throughout that run. A frame that looks black or frozen is compared with the shot's own
    picture or clip, which may be black or still itself.

    Args:
        decode: Decodes frames of the finished file.
        frames: All its frames in display order.
        timeline: What it should show.
        spec: The render.
        media: The files it was made from.

    Returns:
        How much was decoded; JSON values only.

    Raises:
        RenderFailure: CHECK_FAILED with `black_picture`, `frozen_picture` or `decode`.
    """
    bound = spec.output.width * spec.output.height * _SUSPICIOUS_BYTES_PER_PIXEL
    plans = {shot.index: _plan(shot, frames, timeline.fps, bound) for shot in timeline.shots}
    wanted = sorted({number for plan in plans.values() for number in (plan.sample, *plan.still)})
    seen = decode(wanted)
    for shot in timeline.shots:
        plan = plans[shot.index]
        expected = partial(expected_lumas, shot, media, timeline=timeline, spec=spec)
        _check_black(shot, plan.sample, seen[plan.sample], expected)
        if plan.still:
            _check_frozen(shot, plan.still, [seen[number] for number in plan.still], expected)
    return {"frames_decoded": len(wanted), "shots_looked_at": len(timeline.shots)}


@dataclass(frozen=True, slots=True)
class _Plan:
    """Frames of one shot to decode: one that shows it alone, and some throughout its longest suspicious run."""

    sample: int
    still: tuple[int, ...]


def _plan(shot: TimelineShot, frames: Sequence[CodedFrame], fps: int, bound: float) -> _Plan:
    alone = range(shot.start + shot.overlap_in, max(shot.end - shot.overlap_out, shot.start + shot.overlap_in + 1))
    sample = next((number for number in alone if frames[number].keyframe), alone[len(alone) // 2])
    if not _should_move(shot):
        return _Plan(sample, ())
    longest = max(_quiet_runs(alone, frames, bound), key=len, default=range(0))
    if len(longest) <= _LONGEST_FREEZE_SECONDS * fps:
        return _Plan(sample, ())
    return _Plan(sample, tuple(longest[part * (len(longest) - 1) // 4] for part in range(5)))


def _should_move(shot: TimelineShot) -> bool:
    if isinstance(shot.source, StillSource):
        return shot.motion.kind is not MotionKind.NONE
    return is_clip(shot.source) and (shot.playback is None or shot.playback.freeze is None)


def _quiet_runs(alone: range, frames: Sequence[CodedFrame], bound: float) -> Iterator[range]:
    """Yield the runs of suspiciously small frames; a keyframe, large by nature, does not interrupt one."""
    start = alone.start
    for number in alone:
        if frames[number].size > bound and not frames[number].keyframe:
            yield range(start, number)
            start = number + 1
    yield range(start, alone.stop)


def decoder_of(container: InputContainer, frames: Sequence[CodedFrame], fps: int) -> Decode:
    """Return what decodes frames of a file, each from the keyframe before it.

    Args:
        container: The file.
        frames: All its frames in display order.
        fps: Frames per second.
    """
    video = container.streams.video[0]
    return lambda wanted: _decoded(container, video, wanted, frames, fps)


def _decoded(
    container: InputContainer, video: VideoStream, wanted: Sequence[int], frames: Sequence[CodedFrame], fps: int
) -> Mapping[int, Luma]:
    keyframes = [number for number, frame in enumerate(frames) if frame.keyframe]
    runs: dict[int, list[int]] = {}
    for number in wanted:
        runs.setdefault(max((key for key in keyframes if key <= number), default=0), []).append(number)
    seen: dict[int, Luma] = {}
    start = video.start_time or 0
    assert video.time_base is not None
    for key, numbers in runs.items():
        container.seek(start + round(key / fps / video.time_base), stream=video)
        for frame in container.decode(video):
            assert isinstance(frame, VideoFrame)
            assert frame.pts is not None
            number = round((frame.pts - start) * video.time_base * fps)
            if number in numbers:
                if frame.is_corrupt:
                    fail("decode", f"frame {number}", "a damaged picture")
                seen[number] = _luma(frame)
            if number >= numbers[-1]:
                break
    missing = [number for number in wanted if number not in seen]
    if missing:
        fail("decode", f"frame {missing[0]}", "no picture")
    return seen


def _luma(frame: VideoFrame) -> Luma:
    if frame.format.name != "yuv420p":
        frame = frame.reformat(format="yuv420p")
    plane = frame.planes[0]
    rows: Luma = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return quartered(rows[:, : plane.width])


def quartered(luma: Luma) -> Luma:
    """Return a luma a quarter as fine."""
    height, width = luma.shape
    size = (max(1, width // 4), max(1, height // 4))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _lit(luma: Luma) -> float:
    """The part of a picture, given as limited-range luma, that is not black."""
    return float((luma > _DARK_LEVEL).mean())


def _check_black(shot: TimelineShot, number: int, luma: Luma, expect: Callable[[Sequence[int]], list[Luma]]) -> None:
    lit = _lit(luma)
    if lit > _CAPTION_PART:
        return
    for expected in expect((number - shot.start,)):
        # A few lit pixels may be a caption over black, or the picture itself: then little more is expected, too.
        if _lit(expected) > (_LIT_PART if lit < _LIT_PART / 10 else 2 * _CAPTION_PART):
            fail("black_picture", "the shot's picture", "black", shot.shot_id)


def _check_frozen(
    shot: TimelineShot, numbers: Sequence[int], seen: Sequence[Luma], expect: Callable[[Sequence[int]], list[Luma]]
) -> None:
    if _largest_change(seen) > _STILL_DIFFERENCE:
        return
    expected = expect([number - shot.start for number in numbers])
    if expected and _largest_change(expected) > _VISIBLE_DIFFERENCE:
        fail("frozen_picture", "movement", "a still picture", shot.shot_id)


def _largest_change(pictures: Sequence[Luma]) -> float:
    """The largest mean absolute difference between the first picture and any other."""
    return max((float(cv2.absdiff(pictures[0], other).mean()) for other in pictures[1:]), default=0.0)
