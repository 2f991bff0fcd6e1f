"""Identifies an asset by its first bytes, and rejects what its field cannot take. No decoder ever guesses."""

from typing import BinaryIO

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.domain.projects.file_signatures import HEAD_BYTES, FileClass, FileKind, sniff

ANIMATED_WEBP = FileKind(FileClass.CLIP, "animated WebP", "WEBP")
_ANIMATED_PNG = FileKind(FileClass.CLIP, "APNG", "apng")
_ANIMATED_GIF = FileKind(FileClass.CLIP, "GIF", "gif")
# Side information of a PNG before its pixels is not searched any further.
_MOST_CHUNKS = 1000


def sniff_asset(asset: Asset, wanted: FileClass) -> FileKind:
    """Identify an asset, and reject it if it cannot be what its field wants.

    Args:
        asset: A local file.
        wanted: IMAGE, CLIP or SOUND. An animation passes as a clip and, by its first picture, as an image; a clip
            passes as a sound.

    Returns:
        Its kind, with a `reader`.

    Raises:
        RenderFailure: ASSET_INVALID for an empty file, markup, a playlist, another kind than wanted, or a kind that is
            not supported.
    """
    with asset.path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if not head:
            raise asset.invalid(AssetFault.EMPTY, "the file is empty; upload it again")
        kind = _behind_tags(file, head)
        if kind.file_class is FileClass.IMAGE and wanted is FileClass.CLIP:
            kind = _animation(file, head) or kind
    if kind.file_class is FileClass.PLAYLIST:
        raise asset.invalid(AssetFault.PLAYLIST, "the file is a playlist; name the media file itself")
    if kind.file_class is FileClass.MARKUP:
        raise asset.invalid(AssetFault.MARKUP, f"the file is {kind.name}, not {_ARTICLES[wanted]}")
    if kind.file_class is FileClass.UNKNOWN:
        raise asset.invalid(_NOT_WANTED[wanted], f"the file is not {_ARTICLES[wanted]} in a supported format")
    if kind.file_class is not wanted and (kind.file_class, wanted) != (FileClass.CLIP, FileClass.SOUND):
        raise asset.invalid(AssetFault.WRONG_TYPE, f"the file is {kind.name}, not {_ARTICLES[wanted]}")
    if kind.reader is None:
        remedy = _REMEDIES[kind.file_class]
        raise asset.invalid(AssetFault.UNSUPPORTED_CODEC, f"{kind.name} is not supported; convert it to {remedy}")
    return kind


def _behind_tags(file: BinaryIO, head: bytes) -> FileKind:
    """Identify a file, or what follows the ID3 tag at its start: not only MP3 files begin with one (ID3v2.4, 3.1)."""
    kind = sniff(head)
    if head[:3] != b"ID3" or len(head) < 10:
        return kind
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    file.seek(10 + size + (10 if head[5] & 0x10 else 0))
    following = sniff(file.read(HEAD_BYTES))
    return following if following.file_class is FileClass.SOUND else kind


def _animation(file: BinaryIO, head: bytes) -> FileKind | None:
    """Return what an animated picture is as a clip; None where it does not move."""
    if head[:4] == b"GIF8":
        return _ANIMATED_GIF
    # The flag of animation in the extended header (WebP container specification, 2.7).
    if head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & 0x02:
        return ANIMATED_WEBP
    if head[:8] == b"\x89PNG\r\n\x1a\n" and _has_animation_control(file):
        return _ANIMATED_PNG
    return None


def _has_animation_control(file: BinaryIO) -> bool:
    """Return whether a PNG has an `acTL` chunk before its pixels (PNG, third edition, 11.3.6.1)."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        chunk = file.read(8)
        if len(chunk) < 8 or chunk[4:] == b"IDAT":
            return False
        if chunk[4:] == b"acTL":
            return True
        at += 12 + int.from_bytes(chunk[:4], "big")
    return False


_NOT_WANTED = {
    FileClass.IMAGE: AssetFault.NOT_AN_IMAGE,
    FileClass.CLIP: AssetFault.NOT_A_VIDEO,
    FileClass.SOUND: AssetFault.NOT_A_SOUND,
}
_ARTICLES = {FileClass.IMAGE: "a picture", FileClass.CLIP: "a video", FileClass.SOUND: "a sound file"}
_REMEDIES = {FileClass.IMAGE: "JPEG or PNG", FileClass.CLIP: "MP4", FileClass.SOUND: "WAV, MP3 or AAC"}
