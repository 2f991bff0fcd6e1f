"""Small fonts for tests, made with fontTools."""

import io
from collections.abc import Callable, Mapping
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.misc.psCharStrings import T2CharString
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables.TupleVariation import TupleVariation

UNITS = 1000
_ORDER = [".notdef", "space", "A", "B", "C"]
_CHARACTERS = {0x20: "space", 0x41: "A", 0x42: "B", 0x43: "C"}


def box(pen: Any, width: int = 600, height: int = 700) -> None:
    """Draw a rectangle with a pen."""
    pen.moveTo((50, 0))
    pen.lineTo((50, height))
    pen.lineTo((width - 50, height))
    pen.lineTo((width - 50, 0))
    pen.closePath()


def truetype(
    *,
    family: str = "Acme Sans",
    weight: int = 400,
    italic: bool = False,
    license_bits: int = 0,
    units: int = UNITS,
    draw: Callable[[Any], None] = box,
    characters: Mapping[int, str] | None = None,
    change: Callable[[TTFont], None] = lambda font: None,
) -> bytes:
    """Return a TrueType font with the letters A to C; `change` changes it before it is written."""
    builder = FontBuilder(units, isTTF=True)
    builder.setupGlyphOrder(_ORDER)
    builder.setupCharacterMap(dict(_CHARACTERS if characters is None else characters))
    glyphs = {}
    for name in _ORDER:
        pen = TTGlyphPen(None)
        if name != "space":
            draw(pen)
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    _finish(builder, family, weight, italic=italic, license_bits=license_bits)
    change(builder.font)
    return written(builder.font)


def opentype(
    *,
    family: str = "Acme Serif",
    change: Callable[[TTFont], None] = lambda font: None,
    charstrings: Mapping[str, T2CharString] | None = None,
) -> bytes:
    """Return an OpenType font with CFF outlines and the letters A to C."""
    builder = FontBuilder(UNITS, isTTF=False)
    builder.setupGlyphOrder(_ORDER)
    builder.setupCharacterMap(dict(_CHARACTERS))
    drawn = {}
    for name in _ORDER:
        pen = T2CharStringPen(600, None)
        if name != "space":
            box(pen)
        drawn[name] = pen.getCharString()
    builder.setupCFF("AcmeSerif-Regular", {}, drawn | dict(charstrings or {}), {})
    _finish(builder, family, 400, italic=False, license_bits=0)
    # To measure its letters would run programs without an end.
    builder.font.recalcBBoxes = False
    change(builder.font)
    return written(builder.font)


def _finish(builder: FontBuilder, family: str, weight: int, *, italic: bool, license_bits: int) -> None:
    builder.setupHorizontalMetrics(dict.fromkeys(_ORDER, (600, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(usWeightClass=weight, fsType=license_bits, fsSelection=1 if italic else 64)
    builder.setupPost()


def written(font: TTFont) -> bytes:
    """Return the file of a font."""
    file = io.BytesIO()
    font.save(file)
    return file.getvalue()


def opened(content: bytes) -> TTFont:
    """Return the font in a file."""
    return TTFont(io.BytesIO(content))


def variable(*, lightest: int = 300, heaviest: int = 900, default: int = 400) -> bytes:
    """Return a TrueType font with an axis of weight, whose letters get wider."""

    def change(font: TTFont) -> None:
        builder = FontBuilder(font=font)
        builder.setupFvar([("wght", lightest, default, heaviest, "Gewicht")], [])
        deltas = [(0, 0), (0, 0), (200, 0), (200, 0), (0, 0), (0, 0), (0, 0), (0, 0)]
        builder.setupGvar({"A": [TupleVariation({"wght": (0.0, 1.0, 1.0)}, deltas)]})

    return truetype(change=change)
