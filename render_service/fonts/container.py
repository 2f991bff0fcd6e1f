"""The outer form of a font file: its kind, and its table directory (OpenType specification, "OpenType font file")."""

import struct
from itertools import pairwise

from render_service.fonts.faults import FontRefused

_TRUETYPE = (b"\x00\x01\x00\x00", b"true")
_CFF = b"OTTO"
_OTHERS = {
    b"ttcf": "is a collection of fonts; upload each font as a file of its own",
    b"wOFF": "is compressed as WOFF; upload the TTF or OTF file that it was made of",
    b"wOF2": "is compressed as WOFF2; upload the TTF or OTF file that it was made of",
    b"PK\x03\x04": "is a ZIP archive; upload the TTF or OTF files in it, one by one",
    b"%!PS": "is a Type 1 font; convert it to OTF",
    b"\x80\x01": "is a Type 1 font; convert it to OTF",
    b"typ1": "is a Type 1 font; convert it to OTF",
}
_HEADER = struct.Struct(">4sHHHH")
_ENTRY = struct.Struct(">4sIII")
_MOST_TABLES = 64
_REQUIRED = ("head", "hhea", "maxp", "OS/2", "hmtx", "cmap")


def check_container(content: bytes) -> frozenset[str]:
    """Check the kind of a font file and its table directory.

    Args:
        content: The whole file.

    Returns:
        The tags of its tables.

    Raises:
        FontRefused: It is no single TrueType or OpenType font, lacks a table, or its tables overlap or lie outside of
            the file.
    """
    if not content:
        raise FontRefused("is empty")
    for magic, fault in _OTHERS.items():
        if content.startswith(magic):
            raise FontRefused(fault)
    if content[:4] not in (*_TRUETYPE, _CFF):
        raise FontRefused("is not a TrueType or OpenType font; upload a TTF or OTF file")
    spans = _table_spans(content)
    outlines = ("CFF ",) if content[:4] == _CFF else ("glyf", "loca")
    if "CFF2" in spans:
        raise FontRefused("has variable outlines of the kind CFF2; upload it as a variable TTF, or as static OTF files")
    missing = [tag for tag in (*_REQUIRED, *outlines) if tag not in spans]
    if missing:
        raise FontRefused(f"lacks the table {missing[0].strip()}; export the font again")
    return frozenset(spans)


def _table_spans(content: bytes) -> dict[str, tuple[int, int]]:
    """Return where each table begins and ends, in bytes from the start of the file."""
    if len(content) < _HEADER.size:
        raise FontRefused("is truncated; upload it again")
    count = _HEADER.unpack_from(content)[1]
    if not 1 <= count <= _MOST_TABLES:
        raise FontRefused(f"has {count} tables; a font has 1 to {_MOST_TABLES}")
    first = _HEADER.size + count * _ENTRY.size
    if first > len(content):
        raise FontRefused("is truncated; upload it again")
    spans: dict[str, tuple[int, int]] = {}
    for number in range(count):
        raw, _, offset, length = _ENTRY.unpack_from(content, _HEADER.size + number * _ENTRY.size)
        tag = raw.decode("latin-1")
        if tag in spans:
            raise FontRefused(f"has two tables {_named(tag)}; export the font again")
        if offset < first or offset + length > len(content):
            raise FontRefused(f"is truncated or damaged: its table {_named(tag)} lies outside of the file")
        spans[tag] = (offset, offset + length)
    placed = sorted((span, tag) for tag, span in spans.items() if span[0] != span[1])
    for ((_, end), before), ((start, _), after) in pairwise(placed):
        if start < end:
            raise FontRefused(f"is damaged: its tables {_named(before)} and {_named(after)} overlap")
    return spans


def _named(tag: str) -> str:
    return tag.strip() if tag.isascii() and tag.isprintable() else repr(tag.encode("latin-1"))
