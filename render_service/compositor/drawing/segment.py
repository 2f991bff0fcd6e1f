"""Makes one segment: draws its frames and encodes them. Runs in a worker process."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame

from render_service.compositor.drawing.sources import CanvasFrames, ClipFrames, FrameSource
from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.registry import draw_transition
from render_service.compositor.encoding.encoder import SegmentEncoder, planes_of
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.planes import Plane, Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.spec import DrawnClip, SegmentSpec, ShotStretch
from render_service.compositor.text.uploaded_files import provide_font_files

# ITU-R BT.709-6, 3.2.
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)
# How many frames lie between two reports of progress.
_REPORT_EVERY = 10


def render_segment(
    content: bytes, assets: Mapping[str, Asset], workdir: Path, output: Path, report: Callable[[int], None]
) -> None:
    """Make a segment.

    Args:
        content: Its spec in canonical form.
        assets: The local files that its sources name, by content hash.
        workdir: A folder that all segments of the render share, for what they have in common.
        output: The file to write; it appears when it is whole.
        report: Receives the number of frames made since its last call.

    Raises:
        RenderFailure: ASSET_INVALID where a picture or clip turns out to be damaged.
    """
    render_renditions([content], assets, workdir, [output], report)


def render_renditions(
    contents: Sequence[bytes],
    assets: Mapping[str, Asset],
    workdir: Path,
    outputs: Sequence[Path],
    report: Callable[[int], None],
) -> None:
    """Make several segments that differ only in their renditions: each frame is drawn once, and encoded for all.

    Args:
        contents: Their specs in canonical form.
        assets: As for `render_segment`.
        workdir: As for `render_segment`.
        outputs: The file to write for each; they appear when all are whole.
        report: Receives the number of frames drawn since its last call.

    Raises:
        RenderFailure: As for `render_segment`.
    """
    specs = [SegmentSpec.from_bytes(content) for content in contents]
    spec = specs[0]
    partials = [output.with_name(output.name + ".part") for output in outputs]
    with ExitStack() as stack:
        encoders = [
            stack.enter_context(SegmentEncoder(partial, one.encoded, one.keyframes))
            for partial, one in zip(partials, specs, strict=True)
        ]
        painter = stack.enter_context(closing(Painter(spec, assets, workdir)))
        drawn = VideoFrame(spec.picture.width, spec.picture.height, "yuv420p")
        planes = planes_of(drawn)
        for frame in range(spec.frames):
            painter.draw(frame, planes)
            for encoder in encoders:
                encoder.encode_scaled(drawn)
            if (frame + 1) % _REPORT_EVERY == 0:
                report(_REPORT_EVERY)
    report(spec.frames % _REPORT_EVERY)
    for partial, output in zip(partials, outputs, strict=True):
        partial.replace(output)


class Painter:
    """Draws the frames of a segment, in order.

    Args:
        spec: What the segment is made of.
        assets: The local files that its sources name, by content hash.
        workdir: A folder that all segments of the render share, for what they have in common.
    """

    def __init__(self, spec: SegmentSpec, assets: Mapping[str, Asset], workdir: Path) -> None:
        self._spec = spec
        # Fonts are among them; what is no font is never asked for as one.
        provide_font_files({sha256: asset.path for sha256, asset in assets.items()})
        picture = spec.picture
        size = (picture.width, picture.height)
        self._shot = _ShotPainter(spec.shot, picture, assets, workdir)
        self._incoming = _ShotPainter(spec.incoming, picture, assets, workdir) if spec.incoming else None
        self._mask = _mask(assets[spec.mask], size) if spec.mask else None
        self._over = LayersPainter(spec.layers, size, picture.fps, assets, workdir=workdir)
        if self._incoming:
            self._old = Planes.empty(picture.width, picture.height)
            self._new = Planes.empty(picture.width, picture.height)

    def close(self) -> None:
        """Release what is held."""
        for painter in (self._shot, self._incoming, self._over):
            if painter is not None:
                painter.close()

    def draw(self, frame: int, target: Planes) -> None:
        """Draw a frame, counted from 0; each once, in order."""
        if self._incoming is None:
            self._shot.draw(frame, target)
        else:
            self._shot.draw(frame, self._old)
            self._incoming.draw(frame, self._new)
            # Neither the first nor the last frame of a transition equals its neighbour outside of it.
            done = (frame + 1) / (self._spec.frames + 1)
            spec = self._spec
            moment = Moment(
                done,
                self._old,
                self._new,
                target,
                direction=spec.direction,
                softness=spec.softness,
                angle=spec.angle,
                mask=self._mask,
            )
            draw_transition(spec.transition, moment)
        self._over.draw(frame, target)


class _ShotPainter:
    """Draws the frames of a shot with the layers over it."""

    def __init__(self, shot: ShotStretch, picture: PictureFormat, assets: Mapping[str, Asset], workdir: Path) -> None:
        self._source = _open(shot, picture, assets, workdir)
        camera = self._source.carried if isinstance(self._source, CanvasFrames) else None
        self._over = LayersPainter(shot.layers, (picture.width, picture.height), picture.fps, assets, camera=camera)

    def draw(self, frame: int, target: Planes) -> None:
        """Draw the next frame of the shot; `frame` is its number in the segment."""
        self._source.draw(target)
        self._over.draw(frame, target)

    def close(self) -> None:
        """Close the files of clips."""
        self._source.close()
        self._over.close()


def _open(shot: ShotStretch, picture: PictureFormat, assets: Mapping[str, Asset], workdir: Path) -> FrameSource:
    if isinstance(shot.source, DrawnClip):
        return ClipFrames(shot, picture, assets)
    return CanvasFrames(shot, picture, assets, workdir)


def _mask(asset: Asset, size: tuple[int, int]) -> Plane:
    """Return the middle of a picture in shades of grey, as large as the frame; what is transparent is black."""
    width, height = size
    pixels = load_image(asset, cover=size).astype(np.float32)
    grey = pixels[:, :, :3] @ _LUMA
    if pixels.shape[2] == 4:
        grey *= pixels[:, :, 3] / 255
    scale = max(width / grey.shape[1], height / grey.shape[0])
    across, down = min(grey.shape[1], round(width / scale)), min(grey.shape[0], round(height / scale))
    left, top = (grey.shape[1] - across) // 2, (grey.shape[0] - down) // 2
    part = np.ascontiguousarray(grey[top : top + down, left : left + across])
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA).round(), np.uint8)
