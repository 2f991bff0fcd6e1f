"""Opens clips and sounds with the one demuxer that their first bytes identify, on local bytes only."""

from collections.abc import Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.error import FFmpegError

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.compositor.media.sniffing import sniff_asset
from render_service.domain.projects.file_signatures import FileClass, FileKind

# Decoders that may run, by libav's names. Rarer codecs are not worth their attack surface.
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
def open_media(asset: Asset, wanted: FileClass) -> Iterator[tuple[InputContainer, FileKind]]:
    """Open a clip or a sound for reading.

    Errors of libav while the container is open become ASSET_INVALID of the asset. The demuxer reads from an open file,
    may open nothing else (no protocol is allowed), and is never guessed.

    Args:
        asset: A local file.
        wanted: CLIP or SOUND.

    Yields:
        The open container and the kind of file.

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
            raise asset.invalid(
                AssetFault.TRUNCATED, f"the {kind.name} file is damaged or truncated; export or upload it again"
            ) from error
