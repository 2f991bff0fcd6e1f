"""Probes every file of a render before it starts: format, length, and whether it decodes."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from render_service.compositor.media.assets import (
    DEFAULT_LIMITS,
    Asset,
    AssetFault,
    Media,
    MediaLimits,
    ShotMedia,
    clip_asset,
    image_asset,
    music_asset,
    narration_asset,
    watermark_asset,
)
from render_service.compositor.media.clip_source import AnimatedWebP
from render_service.compositor.media.clocks import JOINABLE, ClockSurvey, start_seconds
from render_service.compositor.media.declared_size import declared_size_of, declares_wav_length
from render_service.compositor.media.demuxing import clock_shifts_of, open_media
from render_service.compositor.media.images import load_image
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
from render_service.domain.projects.file_signatures import FileClass, FileKind
from render_service.domain.projects.media import KeyframeGap, MediaFacts
from render_service.domain.projects.project import BadAssetPolicy
from render_service.domain.warning import JobWarning, WarningCode, warning_from_failure

# A file that ends this much before its declared length is truncated.
_LOST_SECONDS = 0.5
# Containers that declare their exact length; for others it is estimated from the bit rate.
_DECLARES_LENGTH = ("mov", "matroska", "avi", "wav", "flac")
_PROBE_SIZE = (64, 64)
# Most clips have a keyframe more often.
_LONG_GAP_SECONDS = 6.0
_LONGEST_FRAME_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """The properties of a clip.

    Args:
        duration: From the start of its first picture to the end of its last.
        frames: Number of pictures.
        width: Displayed width in pixels: rotated upright, with square pixels.
        height: Displayed height in pixels.
        codec: Name of its video codec.
        has_sound: Whether it has a sound track.
        gaps: Its long stretches without a keyframe.
    """

    duration: timedelta
    frames: int
    width: int
    height: int
    codec: str
    has_sound: bool
    gaps: tuple[KeyframeGap, ...] = ()


@dataclass(frozen=True, slots=True)
class Probed:
    """The result of probing a render's files.

    Args:
        facts: The measured lengths that the timeline depends on, by shot id.
        media: The usable files: those that a card replaces are removed.
        warnings: The faults of the removed files, and those that do not prevent the use of a file.
    """

    facts: dict[str, MediaFacts] = field(default_factory=dict)
    media: Media = field(default_factory=Media)
    warnings: tuple[JobWarning, ...] = ()


def probe_media(
    media: Media,
    policy: BadAssetPolicy = BadAssetPolicy.FAIL,
    limits: MediaLimits = DEFAULT_LIMITS,
    *,
    silenced: Collection[str] = (),
) -> Probed:
    """Probe all files of a render.

    Args:
        media: The local files.
        policy: What to do about a shot's unusable picture or clip. Faults of narrations, music and the watermark always
            fail, because nothing can replace them.
        limits: Limits of size and length.
        silenced: Ids of the shots whose clip's sound is not used.

    Returns:
        The lengths, the usable files, and warnings.

    Raises:
        RenderFailure: ASSET_INVALID, naming the first fault by shot, field and kind.
    """
    facts: dict[str, MediaFacts] = {}
    kept: dict[str, ShotMedia] = {}
    warnings: list[JobWarning] = []

    def note_repair(failure: RenderFailure) -> None:
        warnings.append(warning_from_failure(WarningCode.ASSET_REPAIRED, failure))

    for shot_id, files in media.shots.items():
        try:
            clip, gaps = _probe_picture(shot_id, files, limits, is_heard=shot_id not in silenced)
            kept[shot_id] = files
        except RenderFailure as failure:
            if policy is BadAssetPolicy.FAIL:
                raise
            warnings.append(warning_from_failure(WarningCode.ASSET_REPLACED, failure))
            clip, gaps, kept[shot_id] = None, (), ShotMedia(narration=files.narration)
        narration = None
        if files.narration is not None:
            narration = probe_sound(narration_asset(shot_id, files.narration), limits, note_repair)
        facts[shot_id] = MediaFacts(clip, narration, gaps=gaps)
    if media.music is not None:
        probe_sound(music_asset(media.music), limits, note_repair)
    if media.watermark is not None:
        probe_image(watermark_asset(media.watermark), limits)
    return Probed(facts, replace(media, shots=kept), tuple(warnings))


def _probe_picture(
    shot_id: str, files: ShotMedia, limits: MediaLimits, *, is_heard: bool
) -> tuple[timedelta | None, tuple[KeyframeGap, ...]]:
    """Probe a shot's picture and clip; return the clip's length and its long stretches without a keyframe."""
    if files.image is not None:
        probe_image(image_asset(shot_id, files.image), limits)
    if files.clip is None:
        return None, ()
    clip = probe_clip(clip_asset(shot_id, files.clip), limits, is_heard=is_heard)
    return clip.duration, clip.gaps


def probe_image(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS) -> None:
    """Decode a whole picture.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    load_image(asset, cover=_PROBE_SIZE, limits=limits)


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
