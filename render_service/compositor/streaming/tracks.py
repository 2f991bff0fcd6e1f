"""Copies a track of a finished MP4 into a CMAF track file: a fragment for each segment, an index before them.

FFmpeg's muxers decide by themselves where fragments begin, so the fragments are written here; the head is FFmpeg's.
"""

import io
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream

from render_service.compositor.streaming.boxes import (
    Reference,
    Sample,
    box,
    children,
    edit_list,
    file_type,
    fragment,
    segment_index,
)
from render_service.compositor.streaming.codec_names import AAC_LC, codec_name
from render_service.compositor.streaming.model import ByteRange, MediaTrack, StreamSegment
from render_service.compositor.verification.failure import fail

AnyPacket: TypeAlias = "Packet[Any]"

_TICK = 512
"""How long a picture is shown, in ticks of its track."""

_BLOCK = 1024
"""Samples in a block of coded sound, which are the ticks of its track."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """The samples of a segment: when its first is decoded and the ticks that a player plays of it."""

    decode_time: int
    played: int
    samples: list[Sample]


def write_pictures(video: Path, starts: Sequence[int], path: Path) -> MediaTrack:
    """Write the pictures of a video, in segments that begin with a keyframe each.

    Args:
        video: The finished MP4.
        starts: When segments start, in seconds.
        path: The file to write.

    Raises:
        RenderFailure: CHECK_FAILED where a segment would not begin with a keyframe.
    """
    with av.open(str(video)) as source:
        stream = source.streams.video[0]
        fps = frame_rate(stream)
        packets = (packet for packet in source.demux(stream) if packet.size and packet.pts is not None)
        first = next(packets)
        # Pictures are decoded before they are shown: decoding begins before time 0. A file of fragments counts from 0,
        # and skips as much.
        delay = round(((first.pts or 0) - (first.dts or 0)) * (first.time_base or 0) * fps)
        head = _head(stream, fps * _TICK, skipped=delay * _TICK)
        cuts = _cut_pictures(chain((first,), packets), fps, delay, {start * fps for start in starts})
        config = stream.codec_context.extradata or b""
        return _write(path, codec_name(stream.codec_context.name, config), fps * _TICK, head, cuts)


def write_sound(video: Path, track: int, starts: Sequence[int], path: Path) -> MediaTrack:
    """Write a track of sound of a video, in segments that begin within half a block of those of the pictures.

    Args:
        video: The finished MP4.
        track: Its place among the tracks of sound.
        starts: When segments start, in seconds.
        path: The file to write.
    """
    with av.open(str(video)) as source:
        stream = source.streams.audio[track]
        packets = (packet for packet in source.demux(stream) if packet.size and packet.pts is not None)
        first = next(packets)
        # The encoder puts its priming before time 0; a file of fragments counts from 0, and skips it.
        priming = -(first.pts or 0)
        head, rate = _head(stream, stream.rate, skipped=priming), stream.rate
        cuts = _cut_sound(chain((first,), packets), priming, [start * rate for start in starts])
        return _write(path, AAC_LC, rate, head, cuts)


def frame_rate(stream: VideoStream) -> int:
    """Return how many pictures a second a finished video has; all have whole numbers."""
    assert stream.average_rate is not None
    return round(stream.average_rate)


def _head(stream: VideoStream | AudioStream, timescale: int, skipped: int) -> bytes:
    """Return the boxes that describe a track that follows in fragments.

    Args:
        stream: The track.
        timescale: Its ticks a second, at least 10,000: FFmpeg changes smaller ones.
        skipped: How many ticks a player skips at the start.
    """
    buffer = io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "fflags": "+bitexact"}
    with av.open(buffer, "w", format="mp4", container_options=options) as output:
        copy = output.add_stream_from_template(stream, opaque=True)
        copy.codec_context.codec_tag = stream.codec_context.codec_tag
        copy.time_base = Fraction(1, timescale)
        output.start_encoding()
    movie = next(content for kind, content in children(buffer.getvalue()) if kind == "moov")
    if skipped:
        movie = b"".join(
            box(kind, _with_edits(content, skipped) if kind == "trak" else content) for kind, content in children(movie)
        )
    return file_type() + box("moov", movie)


def _with_edits(track: bytes, skipped: int) -> bytes:
    parts = [(kind, box(kind, content)) for kind, content in children(track) if kind != "edts"]
    return b"".join(part + edit_list(skipped) if kind == "tkhd" else part for kind, part in parts)


def _cut_pictures(packets: Iterable[AnyPacket], fps: int, delay: int, starts: Collection[int]) -> Iterator[_Cut]:
    """Yield segments that begin with the pictures of these numbers."""
    samples: list[Sample] = []
    first, origin = 0, None
    for number, packet in enumerate(packets):
        assert packet.pts is not None
        assert packet.time_base is not None
        origin = packet.pts if origin is None else origin
        if number in starts:
            if not packet.is_keyframe:
                fail("stream_keyframes", f"a keyframe at picture {number}", "none")
            if samples:
                yield _Cut(first * _TICK, len(samples) * _TICK, samples)
            samples, first = [], number
        shown = round((packet.pts - origin) * packet.time_base * fps)
        samples.append(Sample(bytes(packet), _TICK, (shown + delay - number) * _TICK, packet.is_keyframe))
    yield _Cut(first * _TICK, len(samples) * _TICK, samples)


def _cut_sound(packets: Iterable[AnyPacket], priming: int, starts: Sequence[int]) -> Iterator[_Cut]:
    """Yield segments that begin with the blocks nearest to these ticks of the track, which are the packets' ticks.

    The first segment has the priming, too. Sound that ends before the pictures has fewer segments.
    """
    coming = deque(start + priming - _BLOCK // 2 for start in starts[1:])
    samples: list[Sample] = []
    first = 0
    for packet, after in pairwise(chain(packets, (None,))):
        assert packet is not None
        time = (packet.pts or 0) + priming
        if coming and time >= coming[0]:
            yield _Cut(first, time - max(first, priming), samples)
            samples, first = [], time
            while coming and time >= coming[0]:
                coming.popleft()
        # A block lasts until the next begins.
        duration = (packet.duration or 0) if after is None else (after.pts or 0) + priming - time
        samples.append(Sample(bytes(packet), duration, 0, is_sync=True))
    end = first + sum(sample.duration for sample in samples)
    yield _Cut(first, end - max(first, priming), samples)


def _write(path: Path, codec: str, timescale: int, head: bytes, cuts: Iterator[_Cut]) -> MediaTrack:
    """Write a file: the index follows the head, so the fragments wait in a file beside it until it is known."""
    references, keyframes = [], []
    waiting = path.with_name(f"{path.name}.fragments")
    with waiting.open("wb") as file:
        for number, cut in enumerate(cuts, 1):
            content = fragment(number, cut.decode_time, cut.samples)
            data = sum(len(sample.data) for sample in cut.samples)
            references.append(Reference(len(content), cut.played))
            keyframes.append(len(content) - data + len(cut.samples[0].data))
            file.write(content)
    index = segment_index(timescale, references)
    with path.open("wb") as file, waiting.open("rb") as fragments:
        file.write(head + index)
        while block := fragments.read(1 << 20):
            file.write(block)
    waiting.unlink()
    offset, segments = len(head) + len(index), []
    for reference, keyframe in zip(references, keyframes, strict=True):
        shown = ByteRange(offset, keyframe) if codec != AAC_LC else None
        segments.append(StreamSegment(ByteRange(offset, reference.size), reference.duration, shown))
        offset += reference.size
    header, indexed = ByteRange(0, len(head)), ByteRange(len(head), len(index))
    return MediaTrack(path.name, codec, timescale, header, indexed, tuple(segments))
