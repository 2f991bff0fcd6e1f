"""Reads the sizes that a media file declares: in bytes, where a shorter file is truncated, and in pixels."""

from pathlib import Path

_UNKNOWN = 0
# Sizes from here on are no sizes but placeholders: programs write 0x7FFFF000, 2000000000, 0x80000000 and 0xFFFFFFFF.
_PLACEHOLDER = 0x7000_0000


def declared_size_of(path: Path, reader: str | None) -> int:
    """Return the size in bytes that a file's own structure declares.

    Args:
        path: A local file.
        reader: The demuxer that reads it, by libav's name.

    Returns:
        The size; 0 where the format declares none, or the writer did not know it, as when writing to a pipe.
    """
    if reader == "mov":
        return _boxes_end(path)
    with path.open("rb") as file:
        head = file.read(4096)
    if reader in ("wav", "avi"):
        return _riff_end(head)
    if reader == "matroska":
        return _matroska_end(head)
    return _UNKNOWN


def top_level_boxes(path: Path) -> list[tuple[str, int]]:
    """Return name and declared end of each top-level box of an MP4 file (ISO/IEC 14496-12, 4.2)."""
    boxes: list[tuple[str, int]] = []
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:
                length = size - at
            if length < 8:
                break
            at += length
            boxes.append((head[4:8].decode("latin-1"), at))
    return boxes


def _boxes_end(path: Path) -> int:
    boxes = top_level_boxes(path)
    # Players skip trailing garbage, so only known boxes count.
    return boxes[-1][1] if boxes and boxes[-1][0] in ("moov", "mdat", "moof", "free", "skip", "uuid") else _UNKNOWN


def _riff_end(head: bytes) -> int:
    size = int.from_bytes(head[4:8], "little")
    # Writers that do not know the size, such as those that write into a pipe, leave its minimum or a large number.
    return _UNKNOWN if head[:4] != b"RIFF" or size == 0 or size >= _PLACEHOLDER else size + 8


def declares_wav_length(path: Path) -> bool:
    """Return whether a WAV file declares how many bytes of sound it has, rather than holding a placeholder."""
    with path.open("rb") as file:
        head = file.read(4096)
    at = 12
    while at + 8 <= len(head):
        size = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == b"data":
            return 0 < size < _PLACEHOLDER
        at += 8 + size + size % 2
    return True


def _matroska_end(head: bytes) -> int:
    """Return the end of the Segment, the element after the EBML header (RFC 8794, 4–6; RFC 9559, 5.1)."""
    at = 4
    length, size = _element_size(head, at)
    at += length + size
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return _UNKNOWN
    length, size = _element_size(head, at + 4)
    return _UNKNOWN if size == _UNKNOWN else at + 4 + length + size


def _element_size(head: bytes, at: int) -> tuple[int, int]:
    """Return the length of an EBML size field and its value; 0 for “unknown”, all bits set."""
    first = head[at] if at < len(head) else 0
    length = 9 - first.bit_length()
    if length > 8:
        return 1, _UNKNOWN
    value = int.from_bytes(head[at : at + length], "big") & ((1 << (7 * length)) - 1)
    return length, _UNKNOWN if value == (1 << (7 * length)) - 1 else value


def webp_size(head: bytes) -> tuple[int, int]:
    """Return width and height of a WebP file in pixels (WebP container specification; RFC 6386, 9.1; RFC 9649, 3).

    Args:
        head: The first 30 bytes.

    Returns:
        The size; (0, 0) where the header is not one of a WebP, which its reader will refuse.
    """
    form = head[12:16]
    if len(head) < 30:
        return 0, 0
    if form == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return 0, 0
