"""Opens clips and sounds with the one demuxer that their first bytes identify, on local bytes only."""

from collections.abc import Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.error import FFmpegError

from render_service.compositor.media.assets import DEFAULT_LIMITS, Asset, AssetFault, MediaLimits
from render_service.compositor.media.clocks import JOINABLE, ClockShifts, clock_shifts
from render_service.compositor.media.decode_errors import is_of_machine
from render_service.compositor.media.sniffing import sniff_asset
from render_service.domain.projects.file_signatures import FileClass, FileKind

# Decoders that may run, by libav's names. Rarer codecs are not worth their attack surface.
VIDEO_CODECS = frozenset(
    (
        *("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg4", "mpeg2video", "mpeg1video"),
        *("prores", "dnxhd", "mjpeg", "png", "apng", "gif", "theora", "vc1", "wmv1", "wmv2", "wmv3", "ffv1", "h263"),
        *("flv", "msmpeg4", "msmpeg4v2", "qtrle", "dvvideo", "rawvideo"),
    )
)
SOUND_CODECS = frozenset(
    (
        *("aac", "mp3", "mp3float", "mp2", "mp2float", "ac3", "eac3", "opus", "libopus", "vorbis", "libvorbis"),
        *("flac", "alac", "wmav1", "wmav2", "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb"),
        *("adpcm_ms", "adpcm_ima_wav"),
    )
)


@contextmanager
def open_media(
    asset: Asset, wanted: FileClass, limits: MediaLimits = DEFAULT_LIMITS
) -> Iterator[tuple[InputContainer, FileKind]]:
    """Open a clip or a sound for reading.

    Errors of libav while the container is open become ASSET_INVALID of the asset, except those of memory and of the
    machine. The demuxer reads from an open file, may open nothing else (no protocol is allowed), and is never guessed.

    Args:
        asset: A local file.
        wanted: CLIP or SOUND.
        limits: Frames with more pixels are not decoded, not even to find out what the file holds.

    Yields:
        The open container and the kind of file.

    Raises:
        RenderFailure: ASSET_INVALID.
        OSError, MemoryError: The machine lacks something or fails.
    """
    kind = sniff_asset(asset, wanted)
    with asset.path.open("rb") as file:
        try:
            with av.open(
                file,
                "r",
                format=kind.reader,
                options={"max_pixels": str(limits.clip_pixels)},
                container_options={"protocol_whitelist": "none", "format_whitelist": str(kind.reader)},
                metadata_errors="replace",
            ) as container:
                yield container, kind
        except (FFmpegError, OverflowError, UnicodeError) as error:
            if is_of_machine(error, demuxing=True):
                raise
            raise asset.invalid(
                AssetFault.TRUNCATED, f"the {kind.name} file is damaged or truncated; export or upload it again"
            ) from error


def clock_shifts_of(asset: Asset, kind: FileKind) -> ClockShifts:
    """Return where the clock of a clip or sound was reset; formats that cannot be joined are not searched."""
    if kind.reader not in JOINABLE:
        return {}
    with open_media(asset, FileClass.SOUND if kind.file_class is FileClass.SOUND else FileClass.CLIP) as (container, _):
        return clock_shifts(container)
