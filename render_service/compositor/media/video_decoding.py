"""Decodes the pictures of a clip in order, from any time on, with rising times, and deinterlaces them."""

import struct
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any, TypeAlias

from av.codec import CodecContext
from av.container import InputContainer
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as Ended
from av.error import InvalidDataError
from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from render_service.compositor.media.assets import Asset, AssetFault, MediaLimits
from render_service.compositor.media.clocks import (
    JOINABLE,
    AnyPacket,
    ClockShift,
    ClockShifts,
    PictureClock,
    start_seconds,
    straightened,
)
from render_service.compositor.media.demuxing import VIDEO_CODECS

# FFmpeg's own decoders of these ignore the second bit stream that holds the opacity.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# Containers that hold no presentation times.
_WITHOUT_TIMES = frozenset(("avi",))
SEEK_MARGIN_SECONDS = 1.0
"""How far before a wanted picture a clip is sought: some indexes seek slightly too far.

A second of decoding costs less than a wrong picture.
"""
# Containers whose index is missing in many files.
_WITHOUT_INDEX = frozenset(("flv",))


class Turn(Enum):
    """How a picture has to be turned to be displayed: filters of FFmpeg, each `name` or `name=argument`."""

    NONE = ""
    MIRROR = "hflip"
    FLIP = "vflip"
    HALF = "hflip,vflip"
    CLOCKWISE = "transpose=clock"
    COUNTER_CLOCKWISE = "transpose=cclock"
    TRANSPOSE = "transpose=cclock_flip"
    TRANSVERSE = "transpose=clock_flip"

    @property
    def filters(self) -> tuple[tuple[str, str], ...]:
        """The names and arguments of the filters."""
        return tuple(
            (name, argument) for name, _, argument in (part.partition("=") for part in self.value.split(",") if part)
        )

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.value.startswith("transpose")

    @property
    def reverses(self) -> tuple[bool, bool]:
        """Whether the displayed picture runs against the stored one, from left to right and from top to bottom."""
        across = self in (Turn.MIRROR, Turn.HALF, Turn.CLOCKWISE, Turn.TRANSVERSE)
        down = self in (Turn.FLIP, Turn.HALF, Turn.COUNTER_CLOCKWISE, Turn.TRANSVERSE)
        return across, down


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of an open clip.

    Args:
        stream: The video track.
        shifts: Where its clock was reset; see `clock_shifts`.
        by_decoding: Whether the container holds no presentation times.
        is_seekable: Whether its index leads to the same pictures as decoding from the start.
    """

    stream: VideoStream
    shifts: Sequence[ClockShift]
    by_decoding: bool
    is_seekable: bool


def moving_pictures(container: InputContainer) -> list[VideoStream]:
    """Return the video tracks of a container, without the cover pictures of its sound."""
    return [video for video in container.streams.video if not video.disposition & Disposition.attached_pic]


def picture_stream(asset: Asset, container: InputContainer, limits: MediaLimits) -> VideoStream:
    """Return the clip's first video track, ready to decode.

    Raises:
        RenderFailure: ASSET_INVALID where there is none, its codec is not supported, or its frames are too large.
    """
    videos = moving_pictures(container)
    if not videos:
        raise asset.invalid(AssetFault.NOT_A_VIDEO, "the file has no video track")
    video = videos[0]
    codec = video.codec_context
    if codec is None or codec.name not in VIDEO_CODECS:
        name = codec.name if codec is not None else "unknown"
        raise asset.invalid(
            AssetFault.UNSUPPORTED_CODEC, f"the video codec {name} is not supported; convert the clip to H.264"
        )
    if codec.width * codec.height > limits.clip_pixels:
        raise asset.invalid(
            AssetFault.TOO_MANY_PIXELS, f"the clip has more than {limits.clip_pixels} pixels a frame; scale it down"
        )
    codec.thread_count = 1
    # Frames may grow in the middle of a stream: the decoder refuses before it takes memory for them.
    codec.options = {"max_pixels": str(limits.clip_pixels)}
    return video


def pictures_of(video: VideoStream, reader: str | None, shifts: ClockShifts) -> Pictures:
    """Return how the pictures of a clip are timed, given its demuxer and where its clock was reset."""
    found, by_decoding = shifts.get(video.index, ()), reader in _WITHOUT_TIMES
    return Pictures(video, found, by_decoding, not found and not by_decoding and reader not in _WITHOUT_INDEX)


def frame_seconds(frame: VideoFrame) -> float:
    """Return the time of a picture, in seconds on the file's clock."""
    return float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base is not None else 0.0


def shown_size(frame: VideoFrame, video: VideoStream) -> tuple[float, float]:
    """Return width and height of a picture as displayed: with square pixels, turned upright."""
    width = max(1.0, frame.width * float(video.sample_aspect_ratio or 1))
    return (float(frame.height), width) if turn_of(frame).swaps_sides else (width, float(frame.height))


def turn_of(frame: VideoFrame) -> Turn:
    """Return how to turn a picture as its display matrix asks (ISO/IEC 14496-12, 6.2.2), mirrors included.

    The matrix maps a pixel (x, y) to (a·x + c·y, b·x + d·y); angles between quarter turns are rounded to these.
    """
    # `frame.side_data` keeps what it returns, which refers to the frame: a cycle that would hold the picture's memory
    # until the garbage collector runs.
    read_side_data: Any = SideDataContainer
    data = next((data for data in read_side_data(frame) if data.type is SideDataType.DISPLAYMATRIX), None)
    if data is None:
        return Turn.NONE
    a, b, _, c, d = struct.unpack_from("=5i", bytes(data))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return {(False, False): Turn.NONE, (True, False): Turn.MIRROR, (False, True): Turn.FLIP}.get(
            (a < 0, d < 0), Turn.HALF
        )
    return {(False, False): Turn.TRANSPOSE, (True, False): Turn.COUNTER_CLOCKWISE, (False, True): Turn.CLOCKWISE}.get(
        (b < 0, c < 0), Turn.TRANSVERSE
    )


def progressive_frames(
    asset: Asset, container: InputContainer, pictures: Pictures, wanted: float
) -> Generator[VideoFrame, None, None]:
    """Yield decoded pictures in order, deinterlaced.

    Args:
        asset: The clip, named in errors.
        container: Its open file.
        pictures: Its pictures.
        wanted: The first picture yielded is the one shown at this time, in seconds on the file's clock, or an
            earlier one.
    """
    frames = _decoded_from(asset, container, pictures, wanted)
    first = next(frames, None)
    if first is None:
        return
    frames_again = chain((first,), frames)
    if not first.interlaced_frame:
        yield from frames_again
        return
    graph = Graph()
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    source.link_to(deinterlacer := graph.add("bwdif", "mode=send_frame:deint=interlaced"))
    deinterlacer.link_to(sink := graph.add("buffersink"))
    graph.configure()
    for frame in chain(frames_again, (None,)):
        source.push(frame)
        while True:
            try:
                made = sink.pull()
            except (NothingYet, Ended):
                break
            assert isinstance(made, VideoFrame)
            yield made


def _decoded_from(
    asset: Asset, container: InputContainer, pictures: Pictures, wanted: float
) -> Generator[VideoFrame, None, None]:
    video = pictures.stream
    if pictures.is_seekable and wanted > start_seconds(video) and video.time_base is not None:
        container.seek(max(0, round((wanted - SEEK_MARGIN_SECONDS) / video.time_base)), stream=video)
        frames = decoded_frames(asset, container, pictures)
        first = next(frames, None)
        if first is not None and frame_seconds(first) <= wanted:
            yield first
            yield from frames
            return
        container.seek(0, stream=video)
    yield from decoded_frames(asset, container, pictures)


def decoded_frames(asset: Asset, container: InputContainer, pictures: Pictures) -> Generator[VideoFrame, None, None]:
    """Decode all pictures in order, with rising times.

    Packets that cannot be decoded before the first picture are skipped, as in a stream cut at its start. Later errors
    fail the clip, except in transport streams, which are designed for lossy reception.
    """
    clock = PictureClock(pictures.stream, by_decoding=pictures.by_decoding)
    decode = _decoder(pictures.stream)
    started = False
    for packet in straightened(container.demux(pictures.stream), pictures.shifts):
        try:
            frames = list(decode(packet))
        except InvalidDataError:
            if started and container.format.name not in JOINABLE:
                raise
            continue
        for frame in frames:
            started = True
            clock.stamp(frame)
            yield frame


_Decode: TypeAlias = Callable[[AnyPacket], Iterable[VideoFrame]]


class _AlphaDecoder:
    """Decodes VP8 or VP9 with its opacity.

    libvpx takes any amount of memory that a stream asks for. FFmpeg's own decoder, which keeps the limit of pixels,
    goes first and raises where a frame is too large.
    """

    def __init__(self, guard: VideoCodecContext, name: str) -> None:
        decoder = CodecContext.create(name, "r")
        assert isinstance(decoder, VideoCodecContext)
        if guard.extradata:
            decoder.extradata = guard.extradata
        decoder.thread_count = 1
        self._guard, self._decoder = guard, decoder

    def __call__(self, packet: AnyPacket) -> Iterable[VideoFrame]:
        if packet.size:
            self._guard.decode(packet)
        return self._decoder.decode(packet if packet.size else None)


def _decoder(video: VideoStream) -> _Decode:
    context = video.codec_context
    name = _ALPHA_DECODERS.get(context.name)
    if name is not None and video.metadata.get("alpha_mode") == "1":
        return _AlphaDecoder(context, name)
    return context.decode
