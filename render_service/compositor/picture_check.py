"""Looks at a finished video's pictures: are shots that have a picture black, are shots that should move frozen?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from render_service.compositor.check_fault import fail
from render_service.compositor.clip_input import ClipForm, ClipReader
from render_service.compositor.image_input import load_image
from render_service.compositor.media import Media, ShotMedia, clip_asset, image_asset
from render_service.domain.project import Fit, MotionKind
from render_service.domain.timeline import Timeline, TimelineShot

Luma = NDArray[np.uint8]

# A picture in which nothing moves is coded as "skipped" for every macroblock: a few bytes for a thousand of them.
# Fewer bytes per pixel than this are suspicious; movement over anything but plain areas takes several times as many.
_SUSPICIOUS_BYTES_PER_PIXEL = 1 / 2000
_LONGEST_FREEZE_SECONDS = 1.0
_DARK_LEVEL = 24  # luma; black is 16, and coding adds a little
_LIT_PART = 0.01  # a picture with fewer pixels above the dark level is black
_STILL_DIFFERENCE = 0.04  # mean absolute difference of luma that coding alone makes between equal pictures
_PLAIN_CONTRAST = 1.5  # mean absolute difference of neighbouring pixels of a source in which movement cannot be seen
_GLANCE = (320, 180)


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """A frame as the file tells it: its bytes, and whether decoding can begin there."""

    size: int
    keyframe: bool


def check_pictures(
    container: InputContainer, video: VideoStream, frames: Sequence[CodedFrame], timeline: Timeline, media: Media
) -> dict[str, Any]:
    """Decode a sample of frames and judge them.

    Looked at are: of every shot the first frame that can be decoded by itself, and where a shot that should move has
    suspiciously small frames for long, frames throughout that run. What looks black or frozen is compared with the
    shot's own picture or clip, which may be so itself.

    Args:
        container: The finished file.
        video: Its picture track.
        frames: All its frames in display order.
        timeline: What it should show.
        media: The files it was made from.

    Returns:
        How much was looked at; JSON values only.

    Raises:
        RenderFailure: CHECK_FAILED with `black_picture`, `frozen_picture` or `decode`.
    """
    bound = video.codec_context.width * video.codec_context.height * _SUSPICIOUS_BYTES_PER_PIXEL
    plans = {shot.index: _plan(shot, frames, timeline.fps, bound) for shot in timeline.shots}
    wanted = sorted({number for plan in plans.values() for number in (plan.sample, *plan.still)})
    seen = _decoded(container, video, wanted, frames, timeline.fps)
    for shot in timeline.shots:
        plan, files = plans[shot.index], media.shots.get(shot.shot_id, ShotMedia())
        _check_black(shot, plan.sample, seen[plan.sample], files, timeline.fps)
        if plan.still:
            _check_frozen(shot, plan.still, [seen[number] for number in plan.still], files, timeline.fps)
    return {"frames_decoded": len(wanted), "shots_looked_at": len(timeline.shots)}


@dataclass(frozen=True, slots=True)
class _Plan:
    """Frames of one shot to look at: one that shows it alone, and some throughout its longest suspicious run."""

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
    return bool(shot.shot.clip_uri) or (bool(shot.shot.image_uri) and shot.motion.kind is not MotionKind.NONE)


def _quiet_runs(alone: range, frames: Sequence[CodedFrame], bound: float) -> Iterator[range]:
    """Yield the runs of suspiciously small frames; a keyframe, large by nature, does not interrupt one."""
    start = alone.start
    for number in alone:
        if frames[number].size > bound and not frames[number].keyframe:
            yield range(start, number)
            start = number + 1
    yield range(start, alone.stop)


def _decoded(
    container: InputContainer, video: VideoStream, wanted: Sequence[int], frames: Sequence[CodedFrame], fps: int
) -> Mapping[int, Luma]:
    """Decode the wanted frames (in order), each from the keyframe before it; return their luma, a quarter as fine."""
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
    if not frame.format.name.startswith("yuv"):
        frame = frame.reformat(format="yuv420p")
    plane = frame.planes[0]
    rows: Luma = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    size = (max(1, plane.width // 4), max(1, plane.height // 4))
    return np.asarray(cv2.resize(rows[:, : plane.width], size, interpolation=cv2.INTER_AREA), np.uint8)


def is_black(luma: Luma) -> bool:
    """Tell whether nothing can be seen in a picture, given as limited-range luma."""
    return float((luma > _DARK_LEVEL).mean()) < _LIT_PART


def _check_black(shot: TimelineShot, number: int, luma: Luma, files: ShotMedia, fps: int) -> None:
    if is_black(luma) and any(not is_black(glimpse) for glimpse in _source(shot, files, (number,), fps)):
        fail("black_picture", "the shot's picture", "black", shot.shot_id)


def _check_frozen(shot: TimelineShot, numbers: Sequence[int], seen: Sequence[Luma], files: ShotMedia, fps: int) -> None:
    if _largest_change(seen) > _STILL_DIFFERENCE:
        return
    source = _source(shot, files, numbers, fps)
    if files.clip is not None:
        # A clip may itself stand still, and one that is shorter than its shot ends in a still.
        frozen = _largest_change(source) > 25 * _STILL_DIFFERENCE
    else:
        frozen = any(_contrast(picture) > _PLAIN_CONTRAST for picture in source)
    if frozen:
        fail("frozen_picture", "movement", "a still picture", shot.shot_id)


def _source(shot: TimelineShot, files: ShotMedia, numbers: Sequence[int], fps: int) -> list[Luma]:
    """Return small versions of what a shot was made from: of its picture, or of its clip at the given frames."""
    if files.clip is not None:
        form = ClipForm(*_GLANCE, fps, Fit.COVER)
        glimpses = []
        for number in numbers:
            with ClipReader(clip_asset(shot.shot_id, files.clip), form, first=number - shot.start) as reader:
                glimpses.append(reader.read().y)
        return glimpses
    if files.image is not None:
        pixels = load_image(image_asset(shot.shot_id, files.image), cover=_GLANCE)
        opaque = pixels[:, :, 3:] if pixels.shape[2] == 4 else np.full_like(pixels[:, :, :1], 255)
        grey = pixels[:, :, :3].astype(np.float32) @ np.array((0.2126, 0.7152, 0.0722), np.float32)
        return [np.rint(16 + grey * (opaque[:, :, 0] / 255) * (219 / 255)).astype(np.uint8)]
    return []


def _largest_change(pictures: Sequence[Luma]) -> float:
    """The largest mean absolute difference between the first picture and any other."""
    return max((float(cv2.absdiff(pictures[0], other).mean()) for other in pictures[1:]), default=0.0)


def _contrast(picture: Luma) -> float:
    """The mean absolute difference of neighbouring pixels."""
    if min(picture.shape) < 2:
        return 0.0
    return float(cv2.absdiff(picture[:, 1:], picture[:, :-1]).mean() + cv2.absdiff(picture[1:], picture[:-1]).mean())
