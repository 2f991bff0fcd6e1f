"""Muxes segments and sound into the finished file. Packets are copied, never encoded again."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from render_service.compositor.encoding.chapter import Chapter
from render_service.compositor.encoding.codecs import CODECS
from render_service.compositor.encoding.encoder import open_segment
from render_service.compositor.encoding.language_codes import language_name, track_language
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.output import Container, VideoCodec

AnyPacket: TypeAlias = "Packet[Any]"

_OPTIONS = {
    Container.MP4: {"movflags": "+faststart", "fflags": "+bitexact"},
    Container.MOV: {"movflags": "+faststart+write_colr", "fflags": "+bitexact"},
    Container.WEBM: {"cues_to_front": "1", "fflags": "+bitexact"},
}


@dataclass(frozen=True, slots=True)
class SoundInput:
    """A file that holds a whole track of sound, and its language as a BCP 47 tag; empty says nothing about it."""

    path: Path
    language: str = ""


@dataclass(frozen=True, slots=True)
class MuxInput:
    """The input of `mux`.

    Args:
        segments: The segment files in order, each with its number of frames.
        sounds: The tracks of sound; the first is played unless another is chosen.
        fps: Frames per second.
        container: The file format, no animation.
        codec: How the segments are coded.
        chapters: Chapter marks in order.
        title: The video's title; may be empty.
        tags: Further metadata of the file.
    """

    segments: Sequence[tuple[Path, int]]
    sounds: Sequence[SoundInput]
    fps: int
    container: Container
    codec: VideoCodec
    chapters: Sequence[Chapter]
    title: str
    tags: Mapping[str, str] = field(default_factory=dict)


def mux(parts: MuxInput, path: Path) -> None:
    """Write the finished file.

    Args:
        parts: Segments, sound and metadata.
        path: The file to write.

    Raises:
        RenderFailure: COMPOSE_FAILED where a segment has a wrong number of frames or other headers than the first.
    """
    name, options = parts.container.value, _OPTIONS[parts.container]
    if parts.tags and "movflags" in options:
        # Otherwise MP4 and MOV keep tags of well-known names only.
        options = options | {"movflags": options["movflags"] + "+use_metadata_tags"}
    with (
        open_segment(parts.segments[0][0]) as first,
        ExitStack() as stack,
        av.open(str(path), "w", format=name, container_options=options) as output,
    ):
        files = [stack.enter_context(av.open(str(sound.path))) for sound in parts.sounds]
        # Opaque: copied packets need no encoder, and AV1 is read by a decoder that has none of its name.
        pictures = output.add_stream_from_template(first.streams.video[0], opaque=True)
        if tag := CODECS[parts.codec].tag:
            pictures.codec_context.codec_tag = tag
        sounds = [output.add_stream_from_template(file.streams.audio[0]) for file in files]
        for place, (stream, sound) in enumerate(zip(sounds, parts.sounds, strict=True)):
            if sound.language:
                _tag(stream, sound.language, parts.container, is_default=place == 0)
        _write_metadata(output, parts)
        output.start_encoding()
        frame = Fraction(1, parts.fps)
        heard = (_sounds(file, stream) for file, stream in zip(files, sounds, strict=True))
        for packet in _interleaved(_pictures(parts, pictures, frame), *heard):
            output.mux(packet)


def _tag(stream: AudioStream, language: str, container: Container, *, is_default: bool) -> None:
    """Name the language of a track, for players that offer tracks by it."""
    name = language_name(language)
    stream.metadata.update({"language": track_language(language, container), "handler_name": name, "title": name})
    stream.disposition = Disposition.default if is_default else Disposition(0)


def _write_metadata(output: OutputContainer, parts: MuxInput) -> None:
    if parts.title:
        output.metadata["title"] = parts.title
    output.metadata.update(parts.tags)
    output.set_chapters(
        [
            {
                "id": number,
                "start": chapter.start,
                "end": chapter.end,
                "time_base": Fraction(1, parts.fps),
                "metadata": {"title": chapter.title},
            }
            for number, chapter in enumerate(parts.chapters, start=1)
        ]
    )


def _pictures(parts: MuxInput, stream: VideoStream, frame: Fraction) -> Iterator[AnyPacket]:
    """Yield the video packets of all segments, timed in frames from the start of the video."""
    extradata = None
    delay = CODECS[parts.codec].delay
    decoded = shown = 0
    for path, frames in parts.segments:
        with open_segment(path) as segment:
            source = segment.streams.video[0]
            extradata = extradata or source.codec_context.extradata
            if source.codec_context.extradata != extradata:
                raise RenderFailure(
                    ErrorReason.COMPOSE_FAILED,
                    "a segment has other codec headers than the first: it was encoded by another build",
                )
            assert source.time_base is not None
            # Integer arithmetic: a video may have a million packets.
            tick = source.time_base / frame
            count = origin = 0
            for packet in segment.demux(source):
                if packet.size == 0 or packet.pts is None:
                    continue
                at = (2 * packet.pts * tick.numerator + tick.denominator) // (2 * tick.denominator)
                # The first packet is the first picture; the container decides where its clock begins.
                origin = at if count == 0 else origin
                packet.pts, packet.dts = shown + at - origin, decoded - delay
                packet.time_base, packet.duration = frame, 1
                packet.stream = stream
                decoded += 1
                count += 1
                yield packet
        if count != frames:
            raise RenderFailure(
                ErrorReason.COMPOSE_FAILED, f"a segment has {count} frames instead of {frames}", retryable=True
            )
        shown += frames


def _sounds(sound: InputContainer, stream: AudioStream) -> Iterator[AnyPacket]:
    for packet in sound.demux(sound.streams.audio[0]):
        if packet.size and packet.dts is not None:
            packet.stream = stream
            yield packet


def _interleaved(*streams: Iterator[AnyPacket]) -> Iterator[AnyPacket]:
    """Merge streams of packets by decoding time."""
    waiting = [(stream, packet) for stream in streams if (packet := next(stream, None)) is not None]
    while waiting:
        first = min(range(len(waiting)), key=lambda index: _time(waiting[index][1]))
        stream, packet = waiting[first]
        yield packet
        following = next(stream, None)
        if following is None:
            del waiting[first]
        else:
            waiting[first] = (stream, following)


def _time(packet: AnyPacket) -> float:
    assert packet.dts is not None
    assert packet.time_base is not None
    return packet.dts * packet.time_base.numerator / packet.time_base.denominator
