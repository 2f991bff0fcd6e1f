"""Reads and writes boxes of ISO base media files (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SYNC = 0x02000000  # depends on no other sample (8.8.3.1)
_DEPENDENT = 0x01010000  # depends on others, and is no sync sample


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded picture or block of sound.

    Args:
        data: Its bytes.
        duration: In ticks of its track.
        offset: When it is shown, counted from when it is decoded, in ticks; may be negative.
        is_sync: Whether decoding may begin with it.
    """

    data: bytes
    duration: int
    offset: int
    is_sync: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """One segment in a segment index: length in bytes, and in ticks of the track."""

    size: int
    duration: int


def box(kind: str, *parts: bytes) -> bytes:
    """Return a box of a kind of four letters."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind.encode("ascii")) + content


def full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def children(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield kind and content of the boxes that follow each other in some bytes.

    Raises:
        ValueError: A box goes beyond the end.
    """
    at = 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        if size < 8 or at + size > len(content):
            raise ValueError(f"the box {kind!r} has {size} bytes of {len(content) - at}")
        yield kind.decode("latin-1"), content[at + 8 : at + size]
        at += size


def file_type() -> bytes:
    """Return the first box of a CMAF track file (ISO/IEC 23000-19, 7.2)."""
    return box("ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"cmfc", b"mp41")


def edit_list(skipped: int) -> bytes:
    """Return the box that makes a player skip the first ticks of a track, which only prime the decoder."""
    return box("edts", full_box("elst", 1, 0, struct.pack(">IQqhh", 1, 0, skipped, 1, 0)))


def segment_index(timescale: int, references: Sequence[Reference]) -> bytes:
    """Return the index of a file's segments, which follow it at once and begin with a sync sample each (8.16.3)."""
    starts_with_sync = 0x90000000
    entries = (struct.pack(">III", one.size, one.duration, starts_with_sync) for one in references)
    head = struct.pack(">IIQQHH", 1, timescale, 0, 0, 0, len(references))
    return full_box("sidx", 1, 0, head, *entries)


def fragment(number: int, decode_time: int, samples: Sequence[Sample]) -> bytes:
    """Return a movie fragment of the file's only track (8.8).

    Args:
        number: Counted from 1.
        decode_time: When its first sample is decoded, in ticks.
        samples: In the order of decoding.
    """
    default_base_is_moof, has_all = 0x020000, 0x000F01  # data offset; duration, size, flags and offset of each sample
    header = full_box("tfhd", 0, default_base_is_moof, struct.pack(">I", 1))
    time = full_box("tfdt", 1, 0, struct.pack(">Q", decode_time))
    entries = b"".join(
        struct.pack(">IIIi", one.duration, len(one.data), _SYNC if one.is_sync else _DEPENDENT, one.offset)
        for one in samples
    )

    def head(data_offset: int) -> bytes:
        run = full_box("trun", 1, has_all, struct.pack(">Ii", len(samples), data_offset), entries)
        return box("moof", full_box("mfhd", 0, 0, struct.pack(">I", number)), box("traf", header, time, run))

    # Where the data begin is known once the boxes before them are as long as they will be.
    return head(len(head(0)) + 8) + box("mdat", *(one.data for one in samples))
