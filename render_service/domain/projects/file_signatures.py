"""Identifies files by their first bytes. Names and declared types are not trusted."""

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum

HEAD_BYTES = 4096
"""How many of a file's first bytes `sniff` needs."""


class FileClass(StrEnum):
    """What a project can use a file as."""

    IMAGE = "image"
    CLIP = "clip"
    SOUND = "sound"
    MARKUP = "markup"
    PLAYLIST = "playlist"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A file format.

    Args:
        file_class: What a project can use it as. A container that may hold pictures is a CLIP.
        name: The format's name for people.
        reader: The one demuxer (libav's name) or image format (Pillow's name) that may read it; None if unsupported.
        media_type: IANA media type, if a provider needs it.
    """

    file_class: FileClass
    name: str
    reader: str | None = None
    media_type: str = "application/octet-stream"


_UNKNOWN = FileKind(FileClass.UNKNOWN, "unknown")
SVG = FileKind(FileClass.IMAGE, "SVG", "SVG", "image/svg+xml")

# Magic numbers at fixed offsets: (offset, bytes, kind).
_MAGIC: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"\xff\xd8\xff", FileKind(FileClass.IMAGE, "JPEG", "JPEG", "image/jpeg")),
    (0, b"\x89PNG\r\n\x1a\n", FileKind(FileClass.IMAGE, "PNG", "PNG", "image/png")),
    (0, b"GIF87a", FileKind(FileClass.IMAGE, "GIF", "GIF", "image/gif")),
    (0, b"GIF89a", FileKind(FileClass.IMAGE, "GIF", "GIF", "image/gif")),
    (0, b"BM", FileKind(FileClass.IMAGE, "BMP", "BMP", "image/bmp")),
    (0, b"II*\0", FileKind(FileClass.IMAGE, "TIFF", "TIFF", "image/tiff")),
    (0, b"MM\0*", FileKind(FileClass.IMAGE, "TIFF", "TIFF", "image/tiff")),
    (0, b"\0\0\x01\0", FileKind(FileClass.IMAGE, "an icon")),
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
    (0, b"#!AMR\n", FileKind(FileClass.SOUND, "AMR", "amr")),
    (0, b"#!AMR-WB\n", FileKind(FileClass.SOUND, "AMR", "amr")),
    (0, b".snd", FileKind(FileClass.SOUND, "AU", "au")),
    (0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", FileKind(FileClass.SOUND, "Wave64", "w64")),
    (0, b"wvpk", FileKind(FileClass.SOUND, "WavPack")),
    (0, b"MAC ", FileKind(FileClass.SOUND, "Monkey's Audio")),
    (0, b"TTA1", FileKind(FileClass.SOUND, "True Audio")),
    (0, b"MThd", FileKind(FileClass.SOUND, "MIDI")),
    (0, b"\x7f\xfe\x80\x01", FileKind(FileClass.SOUND, "DTS")),
    (0, b"\0\0\0\x01\x67", FileKind(FileClass.CLIP, "raw H.264 without a container")),
    (0, b"\0\0\0\x01\x40", FileKind(FileClass.CLIP, "raw H.265 without a container")),
    (0, b"\0\0\x01\xb3", FileKind(FileClass.CLIP, "raw MPEG video without a container")),
    (0, b"DKIF", FileKind(FileClass.CLIP, "IVF", "ivf")),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", FileKind(FileClass.CLIP, "MXF", "mxf")),
    (0, b".RMF", FileKind(FileClass.CLIP, "RealMedia")),
    (4, b"moov", FileKind(FileClass.CLIP, "QuickTime", "mov")),
    (4, b"mdat", FileKind(FileClass.CLIP, "QuickTime", "mov")),
    (4, b"wide", FileKind(FileClass.CLIP, "QuickTime", "mov")),
    (4, b"free", FileKind(FileClass.CLIP, "QuickTime", "mov")),
)
_RIFF = {
    b"WEBP": FileKind(FileClass.IMAGE, "WebP", "WEBP", "image/webp"),
    b"WAVE": FileKind(FileClass.SOUND, "WAV", "wav"),
    b"AVI ": FileKind(FileClass.CLIP, "AVI", "avi"),
}
_AVIF = FileKind(FileClass.IMAGE, "AVIF", "AVIF", "image/avif")
_HEIC = FileKind(FileClass.IMAGE, "HEIC", "HEIF", "image/heic")
_FTYP_IMAGES = {
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"hevc"), _HEIC),
    b"crx ": FileKind(FileClass.IMAGE, "Canon raw"),
}
_PLAYLIST = re.compile(rb"\A\s*(#EXTM3U|\[playlist\]|ffconcat |#EXTINF|\[reference\])", re.IGNORECASE)
_DASH = re.compile(rb"<(\w+:)?(MPD|SmoothStreamingMedia|smil|asx|playlist)\b", re.IGNORECASE)
_SVG_ROOT = re.compile(rb"<(\w{1,20}:)?svg[\s/>]", re.IGNORECASE)
_SVG_DOCTYPE = re.compile(rb"<!doctype\s+(\w{1,20}:)?svg\b[^\[>]*", re.IGNORECASE)
_DECLARATIONS_END = re.compile(rb"\]\s*>")
_SPACE = re.compile(rb"\s*")
_MARKUP = re.compile(rb"\A\s*(<\?xml|<!doctype|<!--|<svg|<html|<head|<body|<script|<[a-z]{1,20}[\s>])", re.IGNORECASE)


def sniff(head: bytes) -> FileKind:
    """Identify a file.

    Args:
        head: Its first bytes, at most `HEAD_BYTES`.

    Returns:
        Its kind. A kind without a `reader` is recognised but not supported.
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
    if head[:2] == b"\x1f\x8b":
        return SVG if _sniff_text(_unpacked_head(head)) == SVG else _UNKNOWN
    return _sniff_text(head) or _sniff_stream(head)


def _sniff_text(head: bytes) -> FileKind | None:
    """Identify playlists and markup, which could make a demuxer that guesses open other files or URLs."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = head[2:].replace(b"\0", b"")
    if _PLAYLIST.match(text) or (_MARKUP.match(text) and _DASH.search(text)):
        return FileKind(FileClass.PLAYLIST, "a playlist")
    if _is_svg(text):
        return SVG
    return FileKind(FileClass.MARKUP, "HTML or XML") if _MARKUP.match(text) else None


def _is_svg(text: bytes) -> bool:
    """Return whether the root element is SVG's, after any declarations, comments and document type.

    The text is read once from its start to its end: one expression for all of this takes exponential time.
    """
    at = _skip_space(text, 0)
    while not _SVG_ROOT.match(text, at):
        if text.startswith(b"<?", at):
            end = text.find(b"?>", at + 2) + 2
        elif text.startswith(b"<!--", at):
            end = text.find(b"-->", at + 4) + 3
        elif doctype := _SVG_DOCTYPE.match(text, at):
            end = _doctype_end(text, doctype.end())
        else:
            return False
        if end <= at:
            return False  # it does not end within the head
        at = _skip_space(text, end)
    return True


def _doctype_end(text: bytes, at: int) -> int:
    """Return the index after a document type, `at` being where its declarations or its end begin; 0 if it has none."""
    if text.startswith(b"[", at):
        end = _DECLARATIONS_END.search(text, at)
        return end.end() if end else 0
    return at + 1 if text.startswith(b">", at) else 0


def _skip_space(text: bytes, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unpacked_head(head: bytes) -> bytes:
    """Return the first bytes of what is packed with gzip; nothing where it is damaged."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _sniff_ftyp(head: bytes) -> FileKind:
    """Identify an ISO base media file by its brands (ISO/IEC 14496-12, 4.3); `mif1` names the codec in a later one."""
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
    """Identify formats without a file header, whose packets or frames begin with a sync word."""
    if len(head) > 188 * 2 and all(head[at] == 0x47 for at in (0, 188, 376)):
        return FileKind(FileClass.CLIP, "MPEG transport stream", "mpegts")
    # Camcorders put a time stamp of four bytes before each packet (M2TS).
    if len(head) > 196 * 2 and all(head[at] == 0x47 for at in (4, 196, 388)):
        return FileKind(FileClass.CLIP, "MPEG transport stream", "mpegts")
    if head[:2] == b"\x0b\x77" and len(head) > 5:
        return FileKind(FileClass.SOUND, *(("AC-3", "ac3") if head[5] >> 3 <= 10 else ("E-AC-3", "eac3")))
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return FileKind(FileClass.SOUND, "AAC (ADTS)", "aac")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0:
        return FileKind(FileClass.SOUND, "MP3", "mp3")
    return _UNKNOWN
