"""The frames of a render, uncompressed: drawn by the compositor for the floor, and by a slow, careful reference."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from render_service.compositor.drawing.motion import CameraPath
from render_service.compositor.drawing.segment import Painter
from render_service.compositor.encoding.encoder import planes_of
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Media
from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.content_hashes import name_media
from render_service.compositor.segments.plan import PlannedSegment
from render_service.compositor.segments.spec import DrawnStill, SegmentSpec, ShotStretch
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.project import TransitionKind
from render_service.domain.projects.timeline import plan_timeline
from tests.integration.compositor.inspecting import inspected

_BT709 = np.array((0.2126, 0.7152, 0.0722))


def plan(spec: RenderSpec, media: Media) -> tuple[PlannedSegment, ...]:
    """Plan a render; media are named by path instead of content."""
    paths = {path: str(path) for files in media.shots.values() for path in (files.image,) if path}
    timeline = plan_timeline(spec.project, spec.output.fps, inspected(media).facts)
    return plan_pictures(spec, timeline, name_media(media, paths))[1]


def drawn(planned: tuple[PlannedSegment, ...]) -> Iterator[VideoFrame]:
    """Draw all frames as the compositor does, each into memory of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for segment in planned:
            spec = SegmentSpec.from_bytes(segment.job.spec)
            painter = Painter(spec, segment.job.assets, Path(folder))
            for number in range(spec.frames):
                frame = VideoFrame(spec.picture.width, spec.picture.height, "yuv420p")
                painter.draw(number, planes_of(frame))
                yield frame
            painter.close()


def reference(planned: tuple[PlannedSegment, ...], every: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Draw the luma of every n-th frame slowly and carefully.

    Every view is resampled from the whole picture in one step with Lanczos windows in floating point, its luma computed
    from full-resolution RGB, cross-fades mixed without rounding in between. Captions are the compositor's.

    Yields:
        The frame's number in the video, and its luma.
    """
    pictures: dict[str, Image.Image] = {}
    for segment in planned:
        spec = SegmentSpec.from_bytes(segment.job.spec)
        captions = [one for one in spec.layers if isinstance(one, DrawnCaption)]
        painter = LayersPainter(captions, (spec.picture.width, spec.picture.height), spec.picture.fps, {})
        for number in range(-segment.start % every, spec.frames, every):
            luma = _view(spec.shot, number, spec, pictures)
            if spec.incoming is not None:
                assert spec.transition is TransitionKind.CROSS_FADE
                done = (number + 1) / (spec.frames + 1)
                luma = luma * (1 - done) + _view(spec.incoming, number, spec, pictures) * done
            frame = Planes.empty(spec.picture.width, spec.picture.height)
            frame.y[:] = np.rint(luma)
            painter.draw(number, frame)
            yield segment.start + number, frame.y


def _view(layer: ShotStretch, number: int, spec: SegmentSpec, pictures: dict[str, Image.Image]) -> NDArray[np.float64]:
    assert isinstance(layer.source, DrawnStill)
    name = layer.source.still
    if name not in pictures:
        pictures[name] = Image.open(name).convert("RGB")
    picture = pictures[name]
    width, height = spec.picture.width, spec.picture.height
    cover = max(width / picture.width, height / picture.height)
    path = CameraPath(layer.motion, picture.width * cover, picture.height * cover, width, height)
    view = path.view((layer.first + number) / max(1, layer.frames - 1))
    box = (view.left / cover, view.top / cover, (view.left + view.width) / cover, (view.top + view.height) / cover)
    channels = [
        np.asarray(band.convert("F").resize((width, height), Image.Resampling.LANCZOS, box=box), np.float64)
        for band in picture.split()
    ]
    return 16 + 219 / 255 * np.clip(np.average(channels, axis=0, weights=_BT709), 0, 255)


def ssim(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Structural similarity of two pictures (Wang et al., 2004: Gaussian window of 1.5 pixels)."""
    a, b = one.astype(np.float32), other.astype(np.float32)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = mean(a), mean(b)
    spread_a, spread_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    common = mean(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + first) * (2 * common + second)
    below = (mean_a**2 + mean_b**2 + first) * (spread_a + spread_b + second)
    return float((above / below).mean())
