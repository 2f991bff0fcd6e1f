"""Tells from a file's first bytes what it is: names and declared types are not believed, and no decoder may guess."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from render_service.compositor.media.assets import Asset, AssetFault

_HEAD_BYTES = 4096


class FileClass(StrEnum):
    """What a file can be to a project."""

    IMAGE = "image"
    CLIP = "clip"
    SOUND = "sound"
    MARKUP = "markup"
    PLAYLIST = "playlist"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is: its class, its name for people, and the one demuxer or image format that may read it."""

    file_class: FileClass
    name: str
    reader: str | None = None


_UNKNOWN = FileKind(FileClass.UNKNOWN, "unknown")

# Magic numbers at fixed places: (offset, bytes, kind). A container that may hold pictures or only sound is a CLIP.
_MAGIC: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"\xff\xd8\xff", FileKind(FileClass.IMAGE, "JPEG", "JPEG")),
    (0, b"\x89PNG\r\n\x1a\n", FileKind(FileClass.IMAGE, "PNG", "PNG")),
    (0, b"GIF87a", FileKind(FileClass.IMAGE, "GIF", "GIF")),
    (0, b"GIF89a", FileKind(FileClass.IMAGE, "GIF", "GIF")),
    (0, b"BM", FileKind(FileClass.IMAGE, "BMP")),
    (0, b"II*\0", FileKind(FileClass.IMAGE, "TIFF")),
    (0, b"MM\0*", FileKind(FileClass.IMAGE, "TIFF")),
    (0, b"8BPS", FileKind(FileClass.IMAGE, "Photoshop")),
    (0, b"\xff\x0a", FileKind(FileClass.IMAGE, "JPEG XL")),
    (0, b"\0\0\0\x0cJXL ", FileKind(FileClass.IMAGE, "JPEG XL")),
    (0, b"\0\0\0\x0cjP  ", FileKind(FileClass.IMAGE, "JPEG 2000")),
    (0, b"\x1aE\xdf\xa3", FileKind(FileClass.CLIP, "Matroska or WebM", "matroska")),
    (0, b"OggS", FileKind(FileClass.CLIP, "Ogg", "ogg")),
    (0, b"FLV\x01", FileKind(FileClass.CLIP, "FLV", "flv")),
    (0, b"\0\0\x01\xba", FileKind(FileClass.CLIP, "MPEG program stream", "mpeg")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", FileKind(FileClass.CLIP, "ASF", "asf")),
    (0, b"fLaC", FileKind(FileClass.SOUND, "FLAC", "flac")),
    (0, b"ID3", FileKind(FileClass.SOUND, "MP3", "mp3")),
    (0, b"caff", FileKind(FileClass.SOUND, "CAF", "caf")),
    (4, b"moov", FileKind(FileClass.CLIP, "QuickTime", "mov")),
    (4, b"mdat", FileKind(FileClass.CLIP, "QuickTime", "mov")),
    (4, b"wide", FileKind(FileClass.CLIP, "QuickTime", "mov")),
    (4, b"free", FileKind(FileClass.CLIP, "QuickTime", "mov")),
)
_RIFF = {
    b"WEBP": FileKind(FileClass.IMAGE, "WebP", "WEBP"),
    b"WAVE": FileKind(FileClass.SOUND, "WAV", "wav"),
    b"AVI ": FileKind(FileClass.CLIP, "AVI", "avi"),
}
_FTYP_IMAGES = {
    b"avif": FileKind(FileClass.IMAGE, "AVIF", "AVIF"),
    b"avis": FileKind(FileClass.IMAGE, "AVIF", "AVIF"),
    b"heic": FileKind(FileClass.IMAGE, "HEIC"),
    b"heix": FileKind(FileClass.IMAGE, "HEIC"),
    b"heim": FileKind(FileClass.IMAGE, "HEIC"),
    b"hevc": FileKind(FileClass.IMAGE, "HEIC"),
    b"crx ": FileKind(FileClass.IMAGE, "Canon raw"),
}
_PLAYLIST = re.compile(rb"\A\s*(#EXTM3U|\[playlist\]|ffconcat |#EXTINF|\[reference\])", re.IGNORECASE)
_DASH = re.compile(rb"<(\w+:)?(MPD|SmoothStreamingMedia|smil|asx|playlist)\b", re.IGNORECASE)
_MARKUP = re.compile(rb"\A\s*(<\?xml|<!doctype|<!--|<svg|<html|<head|<body|<script|<[a-z]{1,20}[\s>])", re.IGNORECASE)


def sniff(head: bytes) -> FileKind:
    """Tell what a file is.

    Args:
        head: Its first bytes; 4096 are enough for all that can be told.

    Returns:
        Its kind; one without a `reader` is recognised but not supported.
    """
    for offset, magic, kind in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12], _UNKNOWN)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return FileKind(FileClass.SOUND, "AIFF", "aiff")
    if head[4:8] == b"ftyp":
        return _sniff_ftyp(head)
    return _sniff_text(head) or _sniff_stream(head)


def _sniff_text(head: bytes) -> FileKind | None:
    """Playlists and markup would make a guessing demuxer open other files or addresses."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = head[2:].replace(b"\0", b"")
    if _PLAYLIST.match(text) or (_MARKUP.match(text) and _DASH.search(text)):
        return FileKind(FileClass.PLAYLIST, "a playlist")
    if _MARKUP.match(text):
        return FileKind(FileClass.MARKUP, "SVG" if b"<svg" in text.lower() else "HTML or XML")
    return None


def _sniff_ftyp(head: bytes) -> FileKind:
    """ISO base media files tell by their brands (ISO/IEC 14496-12, 4.3); `mif1` files name the codec further on."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    if brands[0] in (b"mif1", b"msf1"):
        return next(
            (_FTYP_IMAGES[brand] for brand in brands if brand in _FTYP_IMAGES), FileKind(FileClass.IMAGE, "HEIF")
        )
    if brands[0] in _FTYP_IMAGES:
        return _FTYP_IMAGES[brands[0]]
    if brands[0] in (b"M4A ", b"M4B "):
        return FileKind(FileClass.SOUND, "M4A", "mov")
    return FileKind(FileClass.CLIP, "MP4 or QuickTime", "mov")


def _sniff_stream(head: bytes) -> FileKind:
    """Formats without a file header: packets or frames that begin with a sync word."""
    if len(head) > 188 * 2 and all(head[at] == 0x47 for at in (0, 188, 376)):
        return FileKind(FileClass.CLIP, "MPEG transport stream", "mpegts")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return FileKind(FileClass.SOUND, "AAC (ADTS)", "aac")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0:
        return FileKind(FileClass.SOUND, "MP3", "mp3")
    return _UNKNOWN


def sniff_asset(asset: Asset, wanted: FileClass) -> FileKind:
    """Tell what an asset is, and refuse what cannot be what its field wants.

    Args:
        asset: A local file.
        wanted: IMAGE, CLIP or SOUND. An animated GIF passes as a clip, a clip's sound track as a sound.

    Returns:
        Its kind, with a `reader`.

    Raises:
        RenderFailure: ASSET_INVALID for an empty file, markup, a playlist, another kind than wanted, or a kind that is
            not supported.
    """
    with Path(asset.path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise asset.invalid(AssetFault.EMPTY, "is empty")
    kind = sniff(head)
    if kind.file_class is FileClass.PLAYLIST:
        raise asset.invalid(AssetFault.PLAYLIST, "is a playlist; give the media file itself")
    if kind.file_class is FileClass.MARKUP:
        raise asset.invalid(AssetFault.MARKUP, f"is {kind.name}, not a media file")
    if kind.file_class is FileClass.UNKNOWN:
        raise asset.invalid(_NOT_WANTED[wanted], f"is not {_ARTICLES[wanted]} in any supported format")
    if kind.name == "GIF" and wanted is FileClass.CLIP:
        return FileKind(FileClass.CLIP, "GIF", "gif")
    if kind.file_class is not wanted and (kind.file_class, wanted) != (FileClass.CLIP, FileClass.SOUND):
        raise asset.invalid(AssetFault.WRONG_TYPE, f"is {kind.name}, not {_ARTICLES[wanted]}")
    if kind.reader is None:
        raise asset.invalid(AssetFault.UNSUPPORTED_CODEC, f"is {kind.name}, which is not supported")
    return kind


_NOT_WANTED = {
    FileClass.IMAGE: AssetFault.NOT_AN_IMAGE,
    FileClass.CLIP: AssetFault.NOT_A_VIDEO,
    FileClass.SOUND: AssetFault.NOT_A_SOUND,
}
_ARTICLES = {FileClass.IMAGE: "a picture", FileClass.CLIP: "a video", FileClass.SOUND: "a sound file"}
