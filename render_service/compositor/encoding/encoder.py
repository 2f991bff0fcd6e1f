"""Encodes frames into segments: closed GOPs, with the same encoder settings in every segment."""

from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from render_service.compositor.encoding.codecs import CODECS
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.planes import Plane, Planes

_BT709 = 1
# The same pixels on every machine.
_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_LIMITED = 1


class SegmentEncoder:
    """Writes one segment: draw a frame into `planes`, call `encode`, repeat; leaving the `with` block ends the file.

    Args:
        path: The file to write, as Matroska, which keeps colour tags and stores headers apart from the packets.
        picture: Format of the frames.
        keyframes: Which frames begin a closed GOP, beside the first.
    """

    def __init__(self, path: Path, picture: PictureFormat, keyframes: Collection[int] = ()) -> None:
        self._container = av.open(str(path), "w", format="matroska", container_options={"fflags": "+bitexact"})
        codec = CODECS[picture.codec]
        options = codec.encoder_options(picture.quality, picture.fps, forces_keyframes=bool(keyframes))
        stream = self._container.add_stream(codec.encoder, rate=picture.fps, options=options)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = picture.width, picture.height, codec.pixel_format
        context.time_base = Fraction(1, picture.fps)
        context.framerate = Fraction(picture.fps)
        context.thread_count = 1
        context.color_range, context.colorspace = _LIMITED, _BT709
        context.color_primaries, context.color_trc = _BT709, _BT709
        # Every segment gets the same header bytes, so that their packets can be concatenated.
        self._stream = stream
        self._frame = VideoFrame(picture.width, picture.height, "yuv420p")
        self._time_base = Fraction(1, picture.fps)
        # The encoders copy their input, so all frames share one buffer.
        self.planes = planes_of(self._frame)
        self._reformatter = VideoReformatter()
        self._count = 0
        self._keyframes = frozenset(keyframes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def encode(self) -> None:
        """Encode the current contents of `planes` as the next frame."""
        self.encode_scaled(self._frame)

    def encode_scaled(self, source: VideoFrame) -> None:
        """Encode a picture as the next frame, scaled to the size of the video."""
        context = self._stream.codec_context
        # A picture that has the right form already is returned as it is.
        frame = scaled_frame(source, context.width, context.height, context.pix_fmt, self._reformatter)
        frame.pts, frame.time_base = self._count, self._time_base
        frame.pict_type = PictureType.I if self._count in self._keyframes else PictureType.NONE
        self._count += 1
        for packet in self._stream.encode(frame):
            self._container.mux(packet)


def scaled_frame(
    source: VideoFrame, width: int, height: int, pixel_format: str | None, reformatter: VideoReformatter
) -> VideoFrame:
    """Return a picture in the form of a video that shows it; the picture itself where it has this form already."""
    return reformatter.reformat(source, width, height, pixel_format, interpolation=_SCALING, threads=1)


def open_segment(path: Path) -> InputContainer:
    """Open a segment without decoding a picture: its header is complete."""
    return av.open(str(path), options={"skip_frame": "all"})


def decoded_frames(segments: Iterable[Path]) -> Iterator[VideoFrame]:
    """Decode all frames of segments in order."""
    for path in segments:
        with av.open(str(path)) as segment:
            yield from segment.decode(video=0)


def planes_of(frame: VideoFrame) -> Planes:
    """Return a YUV 4:2:0 frame's memory as writable planes."""
    return Planes(_plane(frame, 0), _plane(frame, 1), _plane(frame, 2))


def _plane(frame: VideoFrame, number: int) -> Plane:
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
