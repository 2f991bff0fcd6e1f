"""Probes every file of a render before it starts: format, length, and whether it decodes."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

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
from render_service.compositor.media.declared_size import declared_size_of
from render_service.compositor.media.demuxing import open_media
from render_service.compositor.media.images import load_image
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.media.sounds import decode_sound, sound_stream
from render_service.compositor.media.video_decoding import decoded_frames, picture_stream, shown_size, start_seconds
from render_service.domain.errors import RenderFailure
from render_service.domain.projects.file_signatures import FileClass, FileKind
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import BadAssetPolicy

# A file that ends this much before its declared length is truncated.
_LOST_SECONDS = 0.5
# Containers that declare their exact length; for others it is estimated from the bit rate.
_DECLARES_LENGTH = ("mov", "matroska", "avi", "wav", "flac")
_PROBE_SIZE = (64, 64)


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
    """

    duration: timedelta
    frames: int
    width: int
    height: int
    codec: str
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """The result of probing a render's files.

    Args:
        facts: The measured lengths that the timeline depends on, by shot id.
        media: The usable files: those that a card replaces are removed.
        warnings: The faults of the removed files, in the order of the shots.
    """

    facts: dict[str, MediaFacts] = field(default_factory=dict)
    media: Media = field(default_factory=Media)
    warnings: tuple[RenderFailure, ...] = ()


def probe_media(
    media: Media, policy: BadAssetPolicy = BadAssetPolicy.FAIL, limits: MediaLimits = DEFAULT_LIMITS
) -> Probed:
    """Probe all files of a render.

    Args:
        media: The local files.
        policy: What to do about a shot's unusable picture or clip. Faults of narrations, music and the watermark always
            fail, because nothing can replace them.
        limits: Limits of size and length.

    Returns:
        The lengths, the usable files, and warnings.

    Raises:
        RenderFailure: ASSET_INVALID, naming the first fault by shot, field and kind.
    """
    facts: dict[str, MediaFacts] = {}
    kept: dict[str, ShotMedia] = {}
    warnings: list[RenderFailure] = []
    for shot_id, files in media.shots.items():
        try:
            clip = _probe_picture(shot_id, files, limits)
            kept[shot_id] = files
        except RenderFailure as failure:
            if policy is BadAssetPolicy.FAIL:
                raise
            warnings.append(failure)
            clip, kept[shot_id] = None, ShotMedia(narration=files.narration)
        narration = None
        if files.narration is not None:
            narration = probe_sound(narration_asset(shot_id, files.narration), limits)
        facts[shot_id] = MediaFacts(clip, narration)
    if media.music is not None:
        probe_sound(music_asset(media.music), limits)
    if media.watermark is not None:
        probe_image(watermark_asset(media.watermark), limits)
    return Probed(facts, replace(media, shots=kept), tuple(warnings))


def _probe_picture(shot_id: str, files: ShotMedia, limits: MediaLimits) -> timedelta | None:
    """Probe a shot's picture and clip; return the clip's length."""
    if files.image is not None:
        probe_image(image_asset(shot_id, files.image), limits)
    return probe_clip(clip_asset(shot_id, files.clip), limits).duration if files.clip is not None else None


def probe_image(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS) -> None:
    """Decode a whole picture.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    load_image(asset, cover=_PROBE_SIZE, limits=limits)


def probe_clip(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS) -> ClipFacts:
    """Demux a whole clip, and decode its first picture.

    Args:
        asset: The clip.
        limits: Limits of size and length.

    Returns:
        Its properties.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    with open_media(asset, FileClass.CLIP) as (container, kind):
        _check_size(asset, kind)
        video = picture_stream(asset, container, limits)
        sounds = container.streams.audio
        if sounds:
            sound_stream(asset, sounds)
        first = next(decoded_frames(asset, container, video), None)
        if first is None:
            raise asset.invalid(AssetFault.TRUNCATED, "the clip has no picture that can be decoded; export it again")
        container.seek(0)
        frames, picture_end, end = _read_packets(asset, container, video)
        start = start_seconds(video)
        declared = (container.duration or 0) / av.time_base
        if kind.reader in _DECLARES_LENGTH and end - min(start, 0.0) < declared - _LOST_SECONDS:
            raise asset.invalid(AssetFault.TRUNCATED, "the file ends before its declared length; upload it again")
        duration = picture_end - start
        if duration > limits.seconds:
            raise asset.invalid(AssetFault.TOO_LONG, f"the file is longer than {limits.seconds} s; shorten it")
        width, height = shown_size(first, video)
        return ClipFacts(
            duration=timedelta(seconds=max(duration, 1e-3)),
            frames=frames,
            width=round(width),
            height=round(height),
            codec=video.codec_context.name,
            has_sound=bool(sounds),
        )


def _read_packets(asset: Asset, container: InputContainer, video: VideoStream) -> tuple[int, float, float]:
    """Return the number of pictures, the end of the last one, and the end of the last packet of any track."""
    frames, picture_end, end = 0, 0.0, 0.0
    usual = float(1 / video.average_rate) if video.average_rate else 0.04
    for packet in container.demux():
        if packet.is_corrupt and container.format.name != "mpegts":
            raise asset.invalid(AssetFault.TRUNCATED, "the file is damaged or truncated; export or upload it again")
        if packet.pts is None or packet.time_base is None:
            continue
        length = float((packet.duration or 0) * packet.time_base)
        at = float(packet.pts * packet.time_base)
        end = max(end, at + length)
        if packet.stream is video:
            frames += 1
            picture_end = max(picture_end, at + (length or usual))
    return frames, picture_end, max(end, picture_end)


def probe_sound(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS) -> timedelta:
    """Decode a whole sound and measure its length, which headers often get wrong.

    Args:
        asset: A sound file, or a clip with a sound track.
        limits: Limit of length.

    Returns:
        Its length, to the microsecond.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    samples = 0
    for piece in decode_sound(asset):
        samples += piece.shape[1]
        if samples > limits.seconds * SAMPLE_RATE:
            raise asset.invalid(AssetFault.TOO_LONG, f"the file is longer than {limits.seconds} s; shorten it")
    if samples == 0:
        raise asset.invalid(AssetFault.TRUNCATED, "the file has no sound that can be decoded; export it again")
    with open_media(asset, FileClass.SOUND) as (container, kind):
        declared = (container.duration or 0) / av.time_base
    _check_size(asset, kind)
    if kind.reader in _DECLARES_LENGTH and samples / SAMPLE_RATE < declared - _LOST_SECONDS:
        raise asset.invalid(AssetFault.TRUNCATED, "the file ends before its declared length; upload it again")
    return timedelta(microseconds=-(-samples * 1_000_000 // SAMPLE_RATE))


def _check_size(asset: Asset, kind: FileKind) -> None:
    # Some writers count a padding byte that they do not write.
    if declared_size_of(asset.path, kind.reader) > asset.path.stat().st_size + 1:
        raise asset.invalid(AssetFault.TRUNCATED, "the file ends before its declared length; upload it again")
