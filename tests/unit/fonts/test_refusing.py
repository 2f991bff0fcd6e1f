"""Font files that are refused, each by name; and files with random faults, which are refused or draw."""

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from fontTools.misc.psCharStrings import T2CharString
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable
from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.fonts.drawing import check_drawing
from render_service.fonts.faults import FontRefused
from render_service.fonts.sanitizer import sanitize
from tests.unit.fonts.building import opentype, truetype, variable

GOOD = truetype()
ENTRY = struct.Struct(">4sIII")


def entry_of(content: bytes, tag: bytes) -> int:
    """Where the entry of a table is in the directory."""
    return next(place for place in range(12, len(content), 16) if content[place : place + 4] == tag)


def moved(content: bytes, tag: bytes, *, offset: int | None = None, length: int | None = None) -> bytes:
    """A font one of whose tables is said to be elsewhere."""
    place, changed = entry_of(content, tag), bytearray(content)
    old = ENTRY.unpack_from(content, place)
    at = old[2] if offset is None else offset
    ENTRY.pack_into(changed, place, tag, old[1], at, old[3] if length is None else length)
    return bytes(changed)


def offset_of(content: bytes, tag: bytes) -> int:
    offset: int = ENTRY.unpack_from(content, entry_of(content, tag))[2]
    return offset


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("font.ttf", content)
    return file.getvalue()


def unbounded(pen: TTGlyphPen) -> Any:
    """The glyph of a pen, which cannot be measured."""
    glyph: Any = pen.glyph()
    glyph.xMin = glyph.yMin = glyph.xMax = glyph.yMax = 0
    return glyph


def composed(parts: dict[str, list[str]]) -> bytes:
    """A font whose glyphs are composed of others."""

    def change(font: TTFont) -> None:
        for name, held in parts.items():
            pen = TTGlyphPen(dict.fromkeys(font.getGlyphOrder()))
            for part in held:
                pen.addComponent(part, (1, 0, 0, 1, 0, 0))
            font["glyf"][name] = unbounded(pen)
        # What counts the points of such glyphs would run forever.
        font.recalcBBoxes = False
        font["maxp"].recalc = lambda font: None

    return truetype(change=change)


def many_points() -> bytes:
    """A font with a glyph of 60,000 points, whose flags and coordinates take few bytes."""

    def change(font: TTFont) -> None:
        glyph = font["glyf"]["A"]
        # One contour; of all points the same flag: on the curve, x and y as before, repeated 255 times.
        glyph.__dict__.clear()
        glyph.data = struct.pack(">hhhhhHH", 1, 0, 0, 0, 0, 59_999, 0) + b"\x39\xff" * 235
        font.recalcBBoxes = False

    return truetype(change=change)


def with_program(*program: Any) -> bytes:
    """A font whose letter A has a program, and that has a subroutine which calls itself."""

    def change(font: TTFont) -> None:
        font["CFF "].cff.GlobalSubrs.append(T2CharString(program=[-107, "callgsubr", "return"]))

    return opentype(charstrings={"A": T2CharString(program=list(program))}, change=change)


def doubling() -> bytes:
    """A font whose subroutines call the next one ten times each."""

    def change(font: TTFont) -> None:
        for number in range(9):
            calls: list[Any] = [number + 1 - 107, "callgsubr"] * 10
            font["CFF "].cff.GlobalSubrs.append(T2CharString(program=[*calls, "return"]))
        font["CFF "].cff.GlobalSubrs.append(T2CharString(program=[1, 1, "rlineto", "return"]))
        top = font["CFF "].cff.topDictIndex[0]
        top.CharStrings["A"].setProgram([600, 0, 0, "rmoveto", -107, "callgsubr", "endchar"])

    return opentype(change=change)


def named(family: str) -> bytes:
    def change(font: TTFont) -> None:
        font["name"].names = []
        font["name"].setName(family, 1, 3, 1, 0x409)

    return truetype(change=change)


def changed(**values: int) -> Callable[[TTFont], None]:
    def change(font: TTFont) -> None:
        for name, value in values.items():
            table, _, attribute = name.partition("__")
            setattr(font[table], attribute, value)

    return change


def without_characters(font: TTFont) -> None:
    font["cmap"].tables = [table for table in font["cmap"].tables if table.platformID == 1]


def all_characters() -> bytes:
    """A font whose table of characters says that it has four billion of them."""
    content = struct.pack(">HHHHI", 0, 1, 3, 10, 12) + struct.pack(">HHIIIIII", 12, 0, 28, 0, 1, 0, 0xFFFFFFFF, 0)

    def change(font: TTFont) -> None:
        table: Any = newTable("cmap")
        table.compile = lambda font: content
        font["cmap"] = table

    return truetype(change=change)


def box_of(pen: Any, side: int) -> None:
    pen.moveTo((0, 0))
    pen.lineTo((0, side))
    pen.lineTo((side, 0))
    pen.closePath()


REFUSED = {
    "empty": (b"", "is empty"),
    "truncated directory": (GOOD[:60], "is truncated"),
    "truncated tables": (GOOD[:-200], "lies outside of the file"),
    "text": (b"hello, this is no font at all", "is not a TrueType or OpenType font"),
    "zip": (zipped(GOOD), "is a ZIP archive"),
    "collection": (b"ttcf" + GOOD[4:], "is a collection"),
    "woff": (b"wOFF" + GOOD[4:], "WOFF"),
    "woff2": (b"wOF2" + GOOD[4:], "WOFF2"),
    "type 1": (b"%!PS-AdobeFont-1.0: Acme", "Type 1"),
    "type 1 binary": (b"\x80\x01\x00\x00\x00\x00", "Type 1"),
    "overlapping tables": (moved(GOOD, b"hhea", offset=offset_of(GOOD, b"hmtx")), "overlap"),
    "table beyond the end": (moved(GOOD, b"cmap", offset=2**32 - 4), "lies outside"),
    "table in the directory": (moved(GOOD, b"cmap", offset=12), "lies outside"),
    "no metrics": (GOOD.replace(b"hmtx", b"hmtX", 1), "lacks the table hmtx"),
    "doubled table": (GOOD.replace(b"hmtx", b"hhea", 1), "two tables hhea"),
    "cyclic parts": (composed({"A": ["B"], "B": ["A"]}), "contains itself"),
    "deep parts": (composed({"A": ["A"]}), "contains itself"),
    "glyph of many points": (many_points(), "60,000 points"),
    "subroutine that calls itself": (with_program(600, -107, "callgsubr", "endchar"), "without end"),
    "exploding subroutines": (doubling(), "without end"),
    "composed accents": (with_program(600, 0, 0, 65, 66, "endchar"), "deprecated form of endchar"),
    "restricted licence": (truetype(license_bits=2), "restricted licence"),
    "bitmaps only": (truetype(license_bits=0x0200), "except as bitmaps"),
    "name with NUL": (named("Ac\x00me"), "give another in family"),
    "name with direction marks": (named("\u202eemcA"), "give another in family"),
    "name too long": (named("A" * 49), "give another in family"),
    "no name": (named(""), "give one in family"),
    "no characters": (truetype(change=without_characters, characters={}), "Unicode"),
    "no units": (truetype(change=changed(head__unitsPerEm=1)), "units per em"),
    "huge letters": (truetype(units=64, draw=lambda pen: box_of(pen, 30_000)), "more than 32 em"),
    "wrong default of an axis": (variable(lightest=500, default=400), "default lies outside"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_font_is_refused_by_name(case: str) -> None:
    content, fault = REFUSED[case]
    with pytest.raises(FontRefused) as refused:
        sanitize(content)
    assert fault in refused.value.fault


def test_characters_beyond_all_glyphs_are_left_out() -> None:
    assert sanitize(all_characters()).facts.characters == 4


def test_parts_that_double_at_every_level_are_refused() -> None:
    names = [f"g{number}" for number in range(12)]

    def change(font: TTFont) -> None:
        order = [*font.getGlyphOrder(), *names]
        font.setGlyphOrder(order)
        for name, held in zip(names, ["A", *names], strict=False):
            pen = TTGlyphPen(dict.fromkeys(order))
            for _ in range(200):
                pen.addComponent(held, (1, 0, 0, 1, 0, 0))
            font["glyf"].glyphs[name] = unbounded(pen)
            font["glyf"].glyphOrder = order
            font["hmtx"].metrics[name] = (600, 0)
        font.recalcBBoxes = False
        font["maxp"].recalc = lambda font: None
        font["maxp"].numGlyphs = len(order)

    with pytest.raises(FontRefused, match="parts"):
        sanitize(truetype(change=change))


SMALL = (truetype(), opentype(), variable())


@settings(max_examples=120, deadline=None)
@given(
    number=st.integers(0, len(SMALL) - 1),
    faults=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_a_font_with_random_faults_is_refused_or_draws(number: int, faults: list[tuple[int, int]]) -> None:
    content = bytearray(SMALL[number])
    for place, value in faults:
        content[place % len(content)] = value
    try:
        check_drawing(sanitize(bytes(content)).content)
    except (FontRefused, MemoryError):
        return
