"""Opens clips and sounds with the one demuxer that their first bytes name, on local bytes only."""

from collections.abc import Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.error import FFmpegError

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.compositor.media.sniffing import FileClass, FileKind, sniff_asset

# Decoders that may run, by libav's names; anything more exotic is not worth its attack surface.
VIDEO_CODECS = frozenset(
    (
        *("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg4", "mpeg2video", "mpeg1video"),
        *("prores", "dnxhd", "mjpeg", "png", "gif", "theora", "vc1", "wmv3", "ffv1", "h263", "flv", "msmpeg4"),
    )
)
SOUND_CODECS = frozenset(
    (
        *("aac", "mp3", "mp3float", "mp2", "mp2float", "ac3", "eac3", "opus", "libopus", "vorbis", "libvorbis"),
        *("flac", "alac", "wmav2", "amrnb", "amrwb", "adpcm_ms", "adpcm_ima_wav"),
    )
)


@contextmanager
def opened(asset: Asset, wanted: FileClass) -> Iterator[tuple[InputContainer, FileKind]]:
    """Open a clip or a sound for reading.

    Faults that libav meets while the container is open are told as those of the asset. The demuxer reads from an open
    file, may open nothing else (no protocol is allowed), and is never chosen by guess.

    Args:
        asset: A local file.
        wanted: CLIP or SOUND.

    Yields:
        The open container and what kind of file it is.

    Raises:
        RenderFailure: ASSET_INVALID.
    """
    kind = sniff_asset(asset, wanted)
    with asset.path.open("rb") as file:
        try:
            with av.open(
                file,
                "r",
                format=kind.reader,
                container_options={"protocol_whitelist": "none", "format_whitelist": str(kind.reader)},
                metadata_errors="replace",
            ) as container:
                yield container, kind
        except (FFmpegError, OverflowError, UnicodeError) as error:
            raise asset.invalid(AssetFault.TRUNCATED, f"is a damaged or truncated {kind.name}") from error
