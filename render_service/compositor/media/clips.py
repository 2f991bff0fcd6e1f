"""Reads clips as frames: any supported video in, upright BT.709 frames of the output's rate and size out."""

import math
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from render_service.compositor.frames.fitting import CENTRE, decided_fit
from render_service.compositor.frames.ground import DARK_GROUND, Colour, ground_under
from render_service.compositor.frames.planes import BLACK, Plane, Planes
from render_service.compositor.media.assets import DEFAULT_LIMITS, Asset, AssetFault, MediaLimits
from render_service.compositor.media.clip_source import ClipSource, open_clip
from render_service.compositor.media.tone_mapping import HdrTransfer, write_cube
from render_service.compositor.media.video_decoding import Turn, frame_seconds, turn_of
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import Fit

_HD_WIDTH = 1280  # untagged video of at least this size is assumed to be BT.709
_GROUND_FRAMES = 50  # of a transparent clip are searched for one that shows something
_GROUND_SIDE = 256  # the longer side at which they are judged, in pixels
_SAMPLING_POINT = 0.3  # when within an output frame the clip is sampled, as a fraction of the frame's duration
_BACKDROP_BRIGHTNESS = 0.62  # of the blurred copy behind a picture


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """The format of a clip's output frames.

    Args:
        width: Width in pixels, even.
        height: Height in pixels, even.
        fps: Frames per second.
        fit: How the clip fills the frame; None decides by its shape.
        focus: The point of the displayed clip that COVER keeps in view, as fractions 0–1 of its width and height.
        crop: The part of the displayed clip that is used; `focus` is a point of it. None is the whole.
    """

    width: int
    height: int
    fps: float
    fit: Fit | None = Fit.COVER
    focus: tuple[float, float] = CENTRE
    crop: PictureView | None = None


class ClipReader:
    """Reads a clip's frames in order at another rate and size; beyond the clip's end its last frame repeats.

    Frame n shows what the clip shows n / fps seconds after its first picture, at any rate of the clip. Rotation,
    non-square pixels, interlacing, HDR, and the matrix and range of its colours are handled.

    Args:
        asset: The clip.
        form: Format of the frames.
        first: Number of the first frame to read, ≥ 0.
        start: What the clip shows so many seconds after its first picture is frame 0.
        limits: The largest number of pixels of a frame.

    Use as a context manager; it holds the file open.
    """

    def __init__(
        self,
        asset: Asset,
        form: FrameFormat,
        *,
        first: int = 0,
        start: float = 0.0,
        limits: MediaLimits = DEFAULT_LIMITS,
    ) -> None:
        self._asset = asset
        self._form = form
        self._limits = limits
        self._start = start
        self._frames = self._read(first)
        self._last: Planes | None = None
        self._ended = False
        self._skipped = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._frames.close()

    @property
    def ended(self) -> bool:
        """Whether the last frame returned was a repetition beyond the clip's end."""
        return self._ended

    def skip(self, frames: int) -> None:
        """Pass over so many of the next frames: they are decoded, but not converted."""
        self._skipped += frames

    def read(self) -> Planes:
        """Return the next frame. The arrays may be those of the frame before: do not draw into them.

        Raises:
            RenderFailure: ASSET_INVALID where the clip cannot be decoded.
        """
        frame = next(self._frames, None)
        if frame is not None:
            self._last = frame
        else:
            self._ended = True
        if self._last is None:
            raise self._asset.invalid(
                AssetFault.TRUNCATED, "the clip has no picture that can be decoded; export it again"
            )
        return self._last

    def _read(self, first: int) -> Generator[Planes, None, None]:
        with ExitStack() as stack:
            clip = stack.enter_context(open_clip(self._asset, self._limits))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clip-")))
            converter: _Converter | None = None
            ground: Colour | None = None
            passed: VideoFrame | None = None

            def converted(frame: VideoFrame) -> Planes:
                nonlocal converter, ground
                if ground is None and _has_alpha(frame):
                    ground = _ground_of(self._asset, self._limits)
                if converter is None or not converter.accepts(frame):
                    converter = _Converter(frame, clip.shown_size(frame), self._form, folder, ground or DARK_GROUND)
                return converter.convert(frame)

            for frame, repeats in self._chosen(clip, first):
                planes: Planes | None = None
                for _ in range(repeats):
                    if self._skipped:
                        self._skipped, passed = self._skipped - 1, frame
                        continue
                    if planes is None:
                        planes, passed = converted(frame), None
                    yield planes
            if passed is not None:
                # What is passed over beyond the end leaves the last picture.
                yield converted(passed)

    def _chosen(self, clip: ClipSource, first: int) -> Generator[tuple[VideoFrame, int], None, None]:
        """Yield the pictures of the clip that are shown, each with the number of output frames that show it."""
        origin = clip.start + self._start
        number = first
        before: VideoFrame | None = None
        for frame in clip.frames(origin + first / self._form.fps):
            if before is not None:
                # Shown in every frame whose sampling point lies before the next picture. The point lies after the
                # frame's start, so that rounded time stamps do not cause judder at equal rates.
                last = math.ceil((frame_seconds(frame) - origin) * self._form.fps - _SAMPLING_POINT)
                if last > number:
                    yield before, last - number
                    number = last
            before = frame
        if before is not None:
            yield before, 1


class _Converter:
    """Converts pictures of one format to frames: colours, opacity, size, orientation, surround."""

    def __init__(
        self, frame: VideoFrame, shown: tuple[float, float], form: FrameFormat, folder: Path, ground: Colour
    ) -> None:
        self._ground = ground
        self._accepted = _traits(frame)
        crop = form.crop or PictureView()
        shown = (shown[0] * crop.width, shown[1] * crop.height)
        self._form = form = replace(form, fit=decided_fit(form.fit, shown, (form.width, form.height), form.focus))
        self._has_alpha = _has_alpha(frame)
        turn = turn_of(frame)
        part, size = _fitted(shown, form)
        start = _start(form.focus, part, turn, crop)
        part = (part[0] * crop.width, part[1] * crop.height)
        if turn.swaps_sides:
            part, size, start = part[::-1], size[::-1], start[::-1]
        colours = _premultiplied(frame, size) if self._has_alpha else _colours(frame, size, folder)
        self._graph = Graph()
        last = self._source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
        )
        for name, arguments in (*_cropped(frame, part, start), *colours, *turn.filters):
            last.link_to(following := self._graph.add(name, arguments))
            last = following
        last.link_to(sink := self._graph.add("buffersink"))
        self._sink = sink
        self._graph.configure()

    def accepts(self, frame: VideoFrame) -> bool:
        """Return whether a picture has the format that this converter was made for."""
        return _traits(frame) == self._accepted

    def convert(self, frame: VideoFrame) -> Planes:
        """Return a picture as a frame of the output format, in arrays of its own."""
        self._source.push(frame)
        converted = self._sink.pull()
        assert isinstance(converted, VideoFrame)
        if self._has_alpha:
            converted = _over_ground(converted, self._ground)
        inner = Planes(*(_plane(converted, number) for number in range(3)))
        return surrounded(inner, self._form)


def _traits(frame: VideoFrame) -> tuple[object, ...]:
    colours = (int(frame.color_trc), int(frame.colorspace), int(frame.color_range))
    return frame.width, frame.height, frame.format.name, turn_of(frame), colours


def _has_alpha(frame: VideoFrame) -> bool:
    return frame.format.name == "pal8" or any(component.is_alpha for component in frame.format.components)


def _fitted(shown: tuple[float, float], form: FrameFormat) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return the visible share 0–1 of a picture's width and height, and its even size in the frame."""
    across, down = form.width / shown[0], form.height / shown[1]
    if form.fit is Fit.COVER:
        scale = max(across, down)
        return (across / scale, down / scale), (form.width, form.height)
    scale = min(across, down)
    width, height = (max(2, round(side * scale / 2) * 2) for side in shown)
    return (1.0, 1.0), (min(width, form.width), min(height, form.height))


def _start(focus: tuple[float, float], part: tuple[float, float], turn: Turn, crop: PictureView) -> tuple[float, float]:
    """Return which fractions 0–1 of what is not visible lie before the visible part of the stored picture.

    Args:
        focus: The point of the used part to be as close to the middle as its edges allow.
        part: The visible fractions of that part's width and height.
        turn: How the stored picture is turned to be displayed.
        crop: The part of the displayed picture that is used.

    Returns:
        The fractions, in the order of the displayed picture's axes.
    """
    before = [
        min(max((point - share / 2) / (1 - share), 0.0), 1.0) if share < 1 else 0.5
        for point, share in zip(focus, part, strict=True)
    ]
    if crop != PictureView():
        corner, sides = (crop.x, crop.y), (crop.width, crop.height)
        before = [
            (corner[axis] + sides[axis] * (1 - part[axis]) * before[axis]) / (1 - sides[axis] * part[axis])
            if sides[axis] * part[axis] < 1
            else 0.5
            for axis in (0, 1)
        ]
    across, down = (
        1 - value if is_reversed else value for value, is_reversed in zip(before, turn.reverses, strict=True)
    )
    return across, down


def _cropped(frame: VideoFrame, part: tuple[float, float], start: tuple[float, float]) -> list[tuple[str, str]]:
    """Return the filter that crops a picture to its visible part, so that nothing else is scaled."""
    width, height = (
        side if share > 1 - 1 / side else max(2, round(side * share / 2) * 2)
        for side, share in zip((frame.width, frame.height), part, strict=True)
    )
    if (width, height) == (frame.width, frame.height):
        return []
    left, top = round((frame.width - width) * start[0]), round((frame.height - height) * start[1])
    return [("crop", f"{width}:{height}:{left}:{top}")]


def _colours(frame: VideoFrame, size: tuple[int, int], folder: Path) -> list[tuple[str, str]]:
    """Return the filters that convert a picture to limited-range BT.709 4:2:0 and scale it."""
    matrix = _matrix(frame)
    scale = f"{size[0]}:{size[1]}:flags=bicubic+accurate_rnd+full_chroma_int"
    # Tags are removed: this module, not the scaler, decides about primaries and transfer.
    plain = f"color_primaries=unknown:color_trc=unknown:colorspace={matrix}"
    into = "out_color_matrix=bt709:out_range=tv"
    if int(frame.color_trc) in (transfer.value for transfer in HdrTransfer):
        transfer = HdrTransfer(int(frame.color_trc))
        table = folder / f"{transfer.name.lower()}.cube"
        write_cube(transfer, table)
        return [
            ("setparams", plain),
            ("scale", f"{scale}:in_color_matrix={matrix}"),
            ("format", "gbrp10le"),
            ("lut3d", f"{table}:interp=tetrahedral"),
            ("scale", f"flags=bicubic+accurate_rnd:{into}"),
            ("format", "yuv420p"),
        ]
    return [
        ("setparams", plain),
        ("scale", f"{scale}:in_color_matrix={matrix}:{into}"),
        ("format", "yuv420p"),
    ]


def _premultiplied(frame: VideoFrame, size: tuple[int, int]) -> list[tuple[str, str]]:
    """Return the filters that scale a picture with opacity, as full-range RGB times opacity.

    Invisible pixels must not bleed into visible ones, so colours are multiplied before they are scaled.
    """
    matrix = _matrix(frame)
    return [
        ("setparams", f"color_primaries=unknown:color_trc=unknown:colorspace={matrix if _is_yuv(frame) else 'gbr'}"),
        ("scale", f"flags=bicubic+accurate_rnd+full_chroma_int:in_color_matrix={matrix}" if _is_yuv(frame) else ""),
        ("format", "gbrap"),
        ("premultiply", "inplace=1"),
        ("scale", f"{size[0]}:{size[1]}:flags=bicubic+accurate_rnd"),
        ("format", "gbrap"),
    ]


def _is_yuv(frame: VideoFrame) -> bool:
    return not frame.format.is_rgb and frame.format.name != "pal8"


def _ground_of(asset: Asset, limits: MediaLimits) -> Colour:
    """Return the ground under a transparent clip: that of its first pictures that show something."""
    with open_clip(asset, limits) as clip:
        for frame in islice(clip.frames(clip.start), _GROUND_FRAMES):
            scale = min(1.0, _GROUND_SIDE / max(frame.width, frame.height))
            width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
            pixels: NDArray[np.uint8] = np.asarray(frame.reformat(width, height, "rgba").to_ndarray(), np.uint8)
            ground = ground_under(pixels)
            if ground is not None:
                return ground
    return DARK_GROUND


def _over_ground(frame: VideoFrame, ground: Colour) -> VideoFrame:
    """Lay a picture of planes G, B, R (times opacity) and opacity over a ground."""
    green, blue, red, opacity = (_plane(frame, number).astype(np.float32) for number in range(4))
    clear = 1 - opacity / 255
    channels = [channel + level * clear for channel, level in zip((red, green, blue), ground, strict=True)]
    rgb = np.rint(np.stack(channels, axis=-1)).clip(0, 255).astype(np.uint8)
    return VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )


def _matrix(frame: VideoFrame) -> str:
    """Return the matrix of a picture; untagged video is taken for BT.709 at HD sizes, for BT.601 below."""
    known = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c"}
    guess = "bt709" if max(frame.width, frame.height) >= _HD_WIDTH else "smpte170m"
    return known.get(int(frame.colorspace), guess)


def _plane(frame: VideoFrame, number: int) -> Plane:
    plane = frame.planes[number]
    rows: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()


def surrounded(inner: Planes, form: FrameFormat) -> Planes:
    """Centre a picture in a frame, over black or over a blurred, darker copy of itself."""
    if (inner.width, inner.height) == (form.width, form.height):
        return inner
    frame = Planes.empty(form.width, form.height)
    if form.fit is Fit.BLUR:
        _blur_behind(inner, frame)
    else:
        frame.fill(BLACK)
    left, top = (form.width - inner.width) // 4 * 2, (form.height - inner.height) // 4 * 2
    for target, source, step in zip(frame.all(), inner.all(), (1, 2, 2), strict=True):
        height, width = source.shape
        target[top // step : top // step + height, left // step : left // step + width] = source
    return frame


def _blur_behind(inner: Planes, frame: Planes) -> None:
    """Fill a frame with a picture's middle, blurred at an eighth of the size, which holds all remaining detail."""
    scale = max(frame.width / inner.width, frame.height / inner.height)
    for source, target, middle in zip(inner.all(), frame.all(), BLACK, strict=True):
        height, width = source.shape
        rows, columns = target.shape
        part_height, part_width = min(height, round(rows / scale)), min(width, round(columns / scale))
        top, left = (height - part_height) // 2, (width - part_width) // 2
        part = source[top : top + part_height, left : left + part_width]
        small = cv2.resize(part, (max(2, columns // 8), max(2, rows // 8)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(rows, columns) / 8 / 45, borderType=cv2.BORDER_REPLICATE)
        darker = cv2.addWeighted(small, _BACKDROP_BRIGHTNESS, small, 0, middle * (1 - _BACKDROP_BRIGHTNESS))
        cv2.resize(darker, (columns, rows), dst=target, interpolation=cv2.INTER_CUBIC)
