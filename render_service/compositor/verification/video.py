"""Checks a finished video, as a player will read it, before the job is completed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from render_service.compositor.encoding.codecs import CODECS, CodecSettings, segment_codec
from render_service.compositor.encoding.language_codes import track_language
from render_service.compositor.media.assets import Media
from render_service.compositor.media.declared_size import top_level_boxes
from render_service.compositor.media.decode_errors import is_of_machine
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.sound.limiter import PEAK_CEILING_DBTP
from render_service.compositor.sound.mixing import (
    AAC_PRIMING,
    measure_sound,
    packets_hash,
)
from render_service.compositor.sound.spec import SoundFacts
from render_service.compositor.verification.failure import fail
from render_service.compositor.verification.pictures import CodedFrame, check_pictures, decoder_of
from render_service.compositor.verification.webp import check_webp
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import Container, OutputSpec
from render_service.domain.projects.timeline import Timeline

_BT709 = 1
_LIMITED_RANGE = 1
_LOUDNESS_TOLERANCE_LU = 1.0
_PEAK_TOLERANCE_DB = 0.1


@dataclass(frozen=True, slots=True)
class _Form:
    """What a file format must hold.

    Args:
        sound: Names of its sound codec in libav; empty for none.
        tick: How far time stamps may be off by rounding, in seconds.
        video: Names of its picture codec, where it is no choice of the caller's.
        priming: How much the sound's encoder puts before the first sample, in seconds, where packets carry it.
        has_index: Whether the file has an index, which must lie before the data.
    """

    sound: tuple[str, ...]
    tick: float
    video: tuple[str, ...] = ()
    priming: float | None = None
    has_index: bool = False


_FORMS = {
    Container.MP4: _Form(("aac",), 0.0005, priming=AAC_PRIMING / SAMPLE_RATE, has_index=True),
    Container.WEBM: _Form(("opus", "libopus"), 0.0015),
    Container.GIF: _Form((), 0.011, video=("gif",)),
    Container.MOV: _Form(("pcm_s24le",), 0.0005, has_index=True),
}


def check_video(
    path: Path,
    timeline: Timeline,
    spec: RenderSpec,
    media: Media,
    sound: SoundFacts | None = None,
    *,
    dubs: Sequence[SoundFacts] = (),
) -> dict[str, Any]:
    """Check a finished video against what was asked for.

    Every packet is read: number of frames, their spacing, length, offset between sound and picture. Of the pictures a
    sample is decoded that covers every shot and every suspicious stretch. The sound is decoded and measured, unless
    its packets are the very ones that were measured when it was encoded.

    Args:
        path: The finished file.
        timeline: What it should show.
        spec: The render.
        media: The local files it was made from; read only where a picture is suspicious.
        sound: What `mix_sound` measured on the encoded sound; None measures here.
        dubs: The same of the further tracks of sound.

    Returns:
        What was found; JSON values only.

    Raises:
        RenderFailure: CHECK_FAILED with the name of the check, what was expected and what was found.
        OSError, MemoryError: The machine lacks something or fails.
    """
    output = spec.output
    if output.container is Container.WEBP:
        return check_webp(path, timeline, spec, media)
    form, codec = _FORMS[output.container], CODECS[segment_codec(output.container, output.codec)]
    try:
        with av.open(str(path)) as container:
            video, sounds = _streams(container, form, form.video or codec.names, 1 + len(media.dubs))
            found = _check_size(video, output)
            if not output.container.is_animation:
                found |= _check_form(video, codec)
            if form.has_index:
                found |= _check_index(path)
            packets = _read_packets(container, video, sounds)
            found |= _check_times(packets, timeline, form)
            for track in packets.sounds:
                found = _check_sound(track, packets, timeline, form) | found
            decode = decoder_of(container, packets.frames, output.fps)
            found |= check_pictures(decode, packets.frames, timeline, spec, media)
            found |= _check_languages(sounds, media, output.container)
        for place, measured in enumerate((sound, *dubs) if sounds else ()):
            found = dict(_check_loudness(path, measured, place)) | found
    except FFmpegError as error:
        if is_of_machine(error):
            raise
        raise RenderFailure(
            ErrorReason.CHECK_FAILED, "the finished video cannot be decoded", {"check": "decode"}
        ) from error
    return found


def _streams(
    container: InputContainer, form: _Form, codec_names: Sequence[str], tracks: int
) -> tuple[VideoStream, Sequence[AudioStream]]:
    pictures, sounds = container.streams.video, container.streams.audio
    if len(pictures) != 1 or pictures[0].codec_context.name not in codec_names:
        fail("video_codec", codec_names[0], ",".join(stream.codec_context.name for stream in pictures) or "none")
    wanted_sounds = tracks if form.sound else 0
    names = ",".join(stream.codec_context.name for stream in sounds)
    if len(sounds) != wanted_sounds or any(stream.codec_context.name not in form.sound for stream in sounds):
        fail("sound_codec", form.sound[0] if form.sound else "none", names or "none")
    for track in sounds:
        if track.rate != 48_000 or track.channels != 2:
            fail("sound_format", "48000 Hz, 2 channels", f"{track.rate} Hz, {track.channels} channels")
    return pictures[0], sounds


def _check_languages(sounds: Sequence[AudioStream], media: Media, container: Container) -> dict[str, Any]:
    """Check that each further track says its language, and that players begin with the main one."""
    if not media.dubs:
        return {}
    named = [track.metadata.get("language", "und") for track in sounds]
    wanted = [track_language(dub.language, container) for dub in media.dubs]
    # QuickTime has no name for many languages; its tracks are found by the names of their handlers.
    accepted = {"und"} if container is Container.MOV else set()
    if any(name != language and name not in accepted for name, language in zip(named[1:], wanted, strict=True)):
        fail("sound_languages", ",".join(wanted), ",".join(named[1:]))
    defaults = [bool(track.disposition & Disposition.default) for track in sounds]
    if defaults != [True, *(False for _ in media.dubs)]:
        fail("default_sound", "the first track", ",".join(map(str, defaults)))
    return {"sound_languages": named}


def _check_size(video: VideoStream, output: OutputSpec) -> dict[str, Any]:
    codec = video.codec_context
    size = f"{codec.width}x{codec.height}"
    if (codec.width, codec.height) != (output.width, output.height):
        fail("frame_size", f"{output.width}x{output.height}", size)
    return {"frame_size": size}


def _check_form(video: VideoStream, wanted: CodecSettings) -> dict[str, Any]:
    codec = video.codec_context
    if codec.pix_fmt != wanted.pixel_format:
        fail("pixel_format", wanted.pixel_format, codec.pix_fmt)
    tags = (codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range)
    if tuple(int(tag) for tag in tags) != (_BT709, _BT709, _BT709, _LIMITED_RANGE):
        fail("colour_tags", "BT.709, limited range", ",".join(str(int(tag)) for tag in tags))
    if wanted.tag and codec.codec_tag != wanted.tag:
        fail("codec_tag", wanted.tag, codec.codec_tag)
    found = {"colour": "bt709 limited"}
    if wanted.profile:
        if codec.profile != wanted.profile:
            fail("profile", wanted.profile, codec.profile)
        found["profile"] = wanted.profile
    return found


def _check_index(path: Path) -> dict[str, Any]:
    order = [name for name, _ in top_level_boxes(path)]
    if "moov" not in order or "mdat" not in order or order.index("moov") > order.index("mdat"):
        fail("faststart", "moov before mdat", ",".join(order))
    return {"faststart": True}


@dataclass(slots=True)
class _SoundSpan:
    """A track of sound, and when its packets begin and end, in seconds."""

    track: AudioStream
    start: float = math.inf
    end: float = -math.inf


@dataclass(frozen=True, slots=True)
class _Packets:
    """All packets of a file: frames and their times in seconds, in display order, and the tracks of sound."""

    frames: list[CodedFrame]
    times: list[float]
    sounds: list[_SoundSpan]


def _read_packets(container: InputContainer, video: VideoStream, sounds: Sequence[AudioStream]) -> _Packets:
    frames: list[tuple[float, CodedFrame]] = []
    spans = {track.index: _SoundSpan(track) for track in sounds}
    for packet in container.demux():
        if packet.pts is None or packet.time_base is None:
            continue
        at = float(packet.pts * packet.time_base)
        if packet.stream is video:
            frames.append((at, CodedFrame(packet.size, packet.is_keyframe)))
        elif (span := spans.get(packet.stream.index)) is not None:
            span.start = min(span.start, at)
            span.end = max(span.end, at + float((packet.duration or 0) * packet.time_base))
    frames.sort(key=lambda frame: frame[0])
    return _Packets([frame for _, frame in frames], [at for at, _ in frames], list(spans.values()))


def _check_times(packets: _Packets, timeline: Timeline, form: _Form) -> dict[str, Any]:
    times, frame = packets.times, 1 / timeline.fps
    if len(times) != timeline.frames:
        fail("frame_count", timeline.frames, len(times))
    worst = max(abs(at - times[0] - index * frame) for index, at in enumerate(times))
    if worst > form.tick:
        fail("frame_times", f"every {frame:.6f} s", f"{worst:.6f} s off")
    return {"frames": len(times), "duration_seconds": round(timeline.frames / timeline.fps, 6)}


def _check_sound(span: _SoundSpan, packets: _Packets, timeline: Timeline, form: _Form) -> dict[str, Any]:
    """Check when a track of sound begins and ends."""
    frame, duration, begins = 1 / timeline.fps, timeline.frames / timeline.fps, packets.times[0]
    # Where playing begins, and where the first sample lies behind what the encoder put before it; a player hears the
    # sound in its place only if both are right.
    start = float((span.track.start_time or 0) * (span.track.time_base or 0))
    content = start if form.priming is None else span.start + form.priming
    offset = max(start - begins, content - begins, key=abs)
    if abs(offset) >= frame:
        fail("sound_offset", f"less than {frame:.4f} s", f"{offset:.4f} s")
    length = span.end - max(start, span.start)
    if abs(length - duration) >= frame:
        fail("sound_duration", f"{duration:.4f} s", f"{length:.4f} s")
    return {"sound_offset_seconds": round(offset, 6), "sound_duration_seconds": round(length, 6)}


def _check_loudness(path: Path, sound: SoundFacts | None, track: int) -> Mapping[str, Any]:
    is_known = sound is not None and sound.packets == packets_hash(path, track)
    facts = sound if sound is not None and is_known else measure_sound(path, track)
    if facts.silent:
        if sound is not None and not sound.silent:
            fail("loudness", f"{sound.integrated_lufs:.1f} LUFS", "silence")
        return {"silent": True}
    if facts.true_peak_dbtp > PEAK_CEILING_DBTP + _PEAK_TOLERANCE_DB:
        fail("true_peak", f"at most {PEAK_CEILING_DBTP} dBTP", f"{facts.true_peak_dbtp:.2f} dBTP")
    if sound is not None and abs(facts.integrated_lufs - sound.integrated_lufs) > _LOUDNESS_TOLERANCE_LU:
        fail("loudness", f"{sound.integrated_lufs:.1f} LUFS", f"{facts.integrated_lufs:.1f} LUFS")
    return {
        "silent": False,
        "loudness_lufs": round(facts.integrated_lufs, 2),
        "true_peak_dbtp": round(facts.true_peak_dbtp, 2),
    }
