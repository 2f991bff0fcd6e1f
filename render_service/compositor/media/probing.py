"""Probes a media file: its format and length, and whether it decodes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from render_service.compositor.media.assets import (
    DEFAULT_LIMITS,
    Asset,
    AssetFault,
    MediaLimits,
)
from render_service.compositor.media.clip_source import AnimatedWebP
from render_service.compositor.media.clocks import JOINABLE, ClockSurvey, start_seconds
from render_service.compositor.media.declared_size import declared_size_of, declares_wav_length
from render_service.compositor.media.demuxing import clock_shifts_of, open_media
from render_service.compositor.media.images import image_size, load_image
from render_service.compositor.media.sniffing import ANIMATED_WEBP, sniff_asset
from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.media.sounds import decode_sound, sound_stream
from render_service.compositor.media.video_decoding import (
    SEEK_MARGIN_SECONDS,
    decoded_frames,
    frame_seconds,
    picture_stream,
    pictures_of,
    shown_size,
)
from render_service.domain.errors import RenderFailure
from render_service.domain.projects.file_signatures import SVG, FileClass, FileKind
from render_service.domain.projects.media import ClipFacts, KeyframeGap

# A file that ends this much before its declared length is truncated.
_LOST_SECONDS = 0.5
# Containers that declare their exact length; for others it is estimated from the bit rate.
_DECLARES_LENGTH = ("mov", "matroska", "avi", "wav", "flac")
_PROBE_SIZE = (64, 64)
# What an SVG takes depends on the size at which it is drawn.
_SVG_PROBE_SIZE = (1280, 1280)
# Most clips have a keyframe more often.
_LONG_GAP_SECONDS = 6.0
_LONGEST_FRAME_SECONDS = 0.1


def probe_image(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Decode a whole picture; return its width and height in pixels, as it is seen.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    if sniff_asset(asset, FileClass.IMAGE) == SVG:
        load_image(asset, contain=_SVG_PROBE_SIZE)
    else:
        load_image(asset, cover=_PROBE_SIZE, limits=limits)
    return image_size(asset, limits)


def probe_clip(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS, *, is_heard: bool = True) -> ClipFacts:
    """Demux a whole clip, and decode its first picture.

    Args:
        asset: The clip.
        limits: Limits of size and length.
        is_heard: Whether its sound is used; sound that is not used may be of any kind.

    Returns:
        Its properties.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    if sniff_asset(asset, FileClass.CLIP) == ANIMATED_WEBP:
        return _probe_webp(asset, limits)
    with open_media(asset, FileClass.CLIP, limits) as (container, kind):
        _check_size(asset, kind)
        video = picture_stream(asset, container, limits)
        sounds = container.streams.audio
        if sounds and is_heard:
            sound_stream(asset, sounds)
        pictures = pictures_of(video, kind.reader, clock_shifts_of(asset, kind))
        first = next(decoded_frames(asset, container, pictures), None)
        if first is None:
            raise asset.invalid(AssetFault.TRUNCATED, "the clip has no picture that can be decoded; export it again")
        codec = video.codec_context.name
        size = shown_size(first, video)
    with open_media(asset, FileClass.CLIP, limits) as (container, _):
        video = picture_stream(asset, container, limits)
        read = _read_packets(asset, container, video)
        start = start_seconds(video)
        declared = (container.duration or 0) / av.time_base
    if kind.reader in _DECLARES_LENGTH and read.end - min(start, 0.0) < declared - _LOST_SECONDS:
        raise asset.invalid(AssetFault.TRUNCATED, "the file ends before its declared length; upload it again")
    duration = _duration(asset, limits, read.picture_end - start)
    keyframes = [at - start for at in read.keyframes] if pictures.is_seekable else []
    gaps = keyframe_gaps(keyframes, duration.total_seconds())
    return ClipFacts(duration, read.frames, round(size[0]), round(size[1]), codec, bool(sounds), gaps)


def keyframe_gaps(keyframes: Iterable[float], end: float) -> tuple[KeyframeGap, ...]:
    """Return the long stretches without a keyframe, given the keyframes' times and the end of a clip, in seconds."""
    # No picture is decoded from a keyframe that lies closer to the end: all after it begin at the one before.
    last = end - SEEK_MARGIN_SECONDS - _LONGEST_FRAME_SECONDS
    bounds = [0.0, *sorted(at for at in keyframes if 0 < at < last), end]
    return tuple(
        KeyframeGap(timedelta(seconds=begin), timedelta(seconds=after), after == end)
        for begin, after in pairwise(bounds)
        if after - begin > _LONG_GAP_SECONDS
    )


def _duration(asset: Asset, limits: MediaLimits, seconds: float) -> timedelta:
    if seconds > limits.seconds:
        raise asset.invalid(AssetFault.TOO_LONG, f"the file is longer than {limits.seconds} s; shorten it")
    return timedelta(seconds=max(seconds, 1e-3))


def _probe_webp(asset: Asset, limits: MediaLimits) -> ClipFacts:
    """Decode an animated WebP: its pictures build on each other."""
    clip = AnimatedWebP(asset, limits)
    frames, begins, size = 0, [0.0], (0.0, 0.0)
    for frame in clip.frames(0.0):
        frames += 1
        begins.append(frame_seconds(frame))
        size = clip.shown_size(frame)
        if begins[-1] > limits.seconds:
            break
    if not frames:
        raise asset.invalid(AssetFault.TRUNCATED, "the clip has no picture that can be decoded; export it again")
    # The last picture is shown as long as the one before it.
    duration = _duration(asset, limits, 2 * begins[-1] - begins[-2])
    gaps = keyframe_gaps((), duration.total_seconds())
    return ClipFacts(duration, frames, round(size[0]), round(size[1]), "webp", has_sound=False, gaps=gaps)


@dataclass(frozen=True, slots=True)
class _Packets:
    """The number of pictures, their keyframes, the end of the last one, and the end of all tracks, in seconds."""

    frames: int
    keyframes: Sequence[float]
    picture_end: float
    end: float


def _read_packets(asset: Asset, container: InputContainer, video: VideoStream) -> _Packets:
    frames, picture_end, end = 0, 0.0, 0.0
    keyframes: list[float] = []
    usual = float(1 / video.average_rate) if video.average_rate else 0.04
    survey = ClockSurvey()
    for packet in container.demux():
        if packet.is_corrupt and container.format.name != "mpegts":
            raise asset.invalid(AssetFault.TRUNCATED, "the file is damaged or truncated; export or upload it again")
        if not packet.size or packet.time_base is None or packet.stream.type not in ("video", "audio"):
            continue
        decoded = survey.add(packet)
        if decoded is None:
            continue
        if container.format.name not in JOINABLE and packet.pts is not None:
            at = float(packet.pts * packet.time_base)
        elif packet.pts is not None and packet.dts is not None:
            at = decoded + float((packet.pts - packet.dts) * packet.time_base)
        else:
            at = decoded
        length = float((packet.duration or 0) * packet.time_base)
        end = max(end, at + length)
        if packet.stream is video:
            frames += 1
            picture_end = max(picture_end, at + (length or usual))
            if packet.is_keyframe:
                keyframes.append(at)
    return _Packets(frames, keyframes, picture_end, max(end, picture_end))


def probe_sound(
    asset: Asset,
    limits: MediaLimits = DEFAULT_LIMITS,
    warn: Callable[[RenderFailure], None] | None = None,
    listen: Callable[[Sound], None] | None = None,
) -> timedelta:
    """Decode a whole sound and measure its length, which headers often get wrong.

    Args:
        asset: A sound file, or a clip with a sound track.
        limits: Limit of length.
        warn: Takes the faults that do not prevent its use.
        listen: Takes its samples, block by block.

    Returns:
        Its length, to the microsecond.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    samples = 0
    for piece in decode_sound(asset, warn):
        samples += piece.shape[1]
        if listen is not None:
            listen(piece)
        if samples > limits.seconds * SAMPLE_RATE:
            raise asset.invalid(AssetFault.TOO_LONG, f"the file is longer than {limits.seconds} s; shorten it")
    if samples == 0:
        raise asset.invalid(AssetFault.TRUNCATED, "the file has no sound that can be decoded; export it again")
    with open_media(asset, FileClass.SOUND) as (container, kind):
        declared = (container.duration or 0) / av.time_base
    _check_size(asset, kind)
    declares = kind.reader in _DECLARES_LENGTH and (kind.reader != "wav" or declares_wav_length(asset.path))
    if declares and samples / SAMPLE_RATE < declared - _LOST_SECONDS:
        raise asset.invalid(AssetFault.TRUNCATED, "the file ends before its declared length; upload it again")
    return timedelta(microseconds=-(-samples * 1_000_000 // SAMPLE_RATE))


def _check_size(asset: Asset, kind: FileKind) -> None:
    # Some writers count a padding byte that they do not write.
    if declared_size_of(asset.path, kind.reader) > asset.path.stat().st_size + 1:
        raise asset.invalid(AssetFault.TRUNCATED, "the file ends before its declared length; upload it again")
