"""Encodes frames into segments: closed GOPs, with the same encoder settings in every segment."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.planes import Plane, Planes
from render_service.domain.projects.output import Container, Quality

# Few segments are longer than this, so almost all have exactly one keyframe, their first.
KEYFRAME_SECONDS = 20

_AVX512 = 13  # CV_CPU_AVX_512F of OpenCV's cvdef.h
_BT709 = 1
_LIMITED = 1

_X264 = {
    Quality.DRAFT: {"preset": "superfast", "crf": "27"},
    Quality.STANDARD: {"preset": "veryfast", "crf": "21"},
    Quality.HIGH: {"preset": "slow", "crf": "17"},
}
_VP9 = {
    Quality.DRAFT: {"deadline": "realtime", "cpu-used": "8", "crf": "38"},
    Quality.STANDARD: {"deadline": "realtime", "cpu-used": "6", "crf": "31"},
    Quality.HIGH: {"deadline": "good", "cpu-used": "3", "crf": "24"},
}


def encoder_settings(picture: PictureFormat) -> tuple[str, Mapping[str, str]]:
    """Return the encoder's name in libav and its options for a format."""
    keyframes = {"g": str(KEYFRAME_SECONDS * picture.fps)}
    if picture.container is Container.WEBM:
        return "libvpx-vp9", {**_VP9[picture.quality], **keyframes, "b": "0", "row-mt": "0"}
    # A segment holds one shot, so scene-cut detection is off. One thread a process costs least per frame.
    return "libx264", {**_X264[picture.quality], **keyframes, "profile": "high", "sc_threshold": "0"}


class SegmentEncoder:
    """Writes one segment: draw a frame into `planes`, call `encode`, repeat; leaving the `with` block ends the file.

    Args:
        path: The file to write, as Matroska, which keeps colour tags and stores headers apart from the packets.
        picture: Format of the frames.
    """

    def __init__(self, path: Path, picture: PictureFormat) -> None:
        self._container = av.open(str(path), "w", format="matroska", container_options={"fflags": "+bitexact"})
        name, settings = encoder_settings(picture)
        options = dict(settings)
        if name == "libx264" and cv2.checkHardwareSupport(_AVX512):
            # x264's AVX-512 code reads uninitialised memory at some widths (192, 320 and 1080 among them) and differs
            # from its AVX2 code for some pictures at 1920: neither two runs nor two machines would agree. The AVX2
            # code is deterministic and 4 % slower.
            options["x264-params"] = "asm=avx2"
        stream = self._container.add_stream(name, rate=picture.fps, options=options)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = picture.width, picture.height, "yuv420p"
        context.time_base = Fraction(1, picture.fps)
        context.framerate = Fraction(picture.fps)
        context.thread_count = 1
        context.color_range, context.colorspace = _LIMITED, _BT709
        context.color_primaries, context.color_trc = _BT709, _BT709
        # Every segment gets the same header bytes, so that their packets can be concatenated.
        self._stream = stream
        self._frame = VideoFrame(picture.width, picture.height, "yuv420p")
        self._frame.time_base = Fraction(1, picture.fps)
        # x264 and vpx copy their input, so all frames share one buffer.
        self.planes = planes_of(self._frame)
        self._count = 0

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
        self._frame.pts = self._count
        self._count += 1
        for packet in self._stream.encode(self._frame):
            self._container.mux(packet)


def open_segment(path: Path) -> InputContainer:
    """Open a segment without decoding a picture: its header is complete."""
    return av.open(str(path), options={"skip_frame": "all"})


def planes_of(frame: VideoFrame) -> Planes:
    """Return a YUV 4:2:0 frame's memory as writable planes."""
    return Planes(_plane(frame, 0), _plane(frame, 1), _plane(frame, 2))


def _plane(frame: VideoFrame, number: int) -> Plane:
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
