"""Reads a font file with a parser in Python, checks it, and writes it anew.

Nothing of the caller's file is copied as bytes: every table is parsed and written again, or dropped. Programs (hinting)
are dropped, so that none is ever run; so are pictures, which texts do not need, and what is unknown.
"""

import hashlib
import io
import math
from typing import Any

from fontTools import configLogger
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

from render_service.domain.brand.fonts import CheckedFont, FontFacts
from render_service.fonts.cff import rebuild_charstrings
from render_service.fonts.container import check_container
from render_service.fonts.faults import FontRefused
from render_service.fonts.names import (
    is_italic,
    read_family,
    read_license,
    read_scripts,
    read_weights,
    rewrite_names,
)
from render_service.fonts.truetype import rebuild_glyphs

_KEPT = (
    *("head", "hhea", "maxp", "OS/2", "hmtx", "cmap", "name", "loca", "glyf", "CFF "),
    *("GDEF", "GSUB", "GPOS", "kern", "fvar", "avar", "gvar", "HVAR", "MVAR"),
)
"""Tables that are written anew. All others are dropped: programs, pictures, colours, signatures and what is unknown."""
_ORDER = ("head", "maxp", "OS/2", "hhea", "hmtx", "cmap", "fvar")
_UNITS = (16, 16384)
# Of a variable font: its letters may move by 32,767 units, which must not be many times their size.
_LEAST_UNITS_VARIABLE = 500
_MOST_AXES = 16
# In em. The widest letters are Arabic ligatures of about 11 em.
_WIDEST = 32
_TALLEST = 8


def sanitize(content: bytes, family: str = "") -> CheckedFont:
    """Check a font file and write it anew.

    Args:
        content: The file of the caller.
        family: Name of its family; empty takes the font's own.

    Returns:
        The new font file.

    Raises:
        FontRefused: It is refused; the message says why.
    """
    tags = check_container(content)
    configLogger(level="CRITICAL")
    font = TTFont(io.BytesIO(content), lazy=True, recalcTimestamp=False)
    dropped = sorted(tag for tag in tags if tag not in (*_KEPT, "post"))
    for tag in tags:
        if tag not in _KEPT:
            # The table post holds names of glyphs alone, which nothing here needs.
            del font[tag]
    if "glyf" in font:
        number = _read(font, "maxp").numGlyphs
        font.setGlyphOrder([f"glyph{place:05d}" for place in range(number)])
    for tag in sorted(font.keys(), key=_place):
        _read(font, tag)
    if "fvar" not in font:
        for tag in ("avar", "gvar", "HVAR", "MVAR"):
            if tag in font:
                del font[tag]
                dropped.append(tag)
    facts = _facts(font, family)
    _check_axes(font)
    _rebuild(font)
    rewrite_names(font, facts.family, facts.min_weight, italic=facts.italic)
    written = io.BytesIO()
    try:
        font.save(written, reorderTables=True)
    except FontRefused:
        raise
    except Exception as error:
        raise FontRefused("has tables that contradict each other; export the font again") from error
    result = written.getvalue()
    return CheckedFont(facts, result, hashlib.sha256(result).hexdigest(), tuple(tag.strip() for tag in dropped))


def _place(tag: str) -> tuple[int, str]:
    return (_ORDER.index(tag) if tag in _ORDER else len(_ORDER), tag)


def _read(font: TTFont, tag: str) -> Any:
    """Return a table of a font, parsed as a whole.

    Raises:
        FontRefused: It cannot be.
    """
    if tag == "GlyphOrder":
        return None
    try:
        table = font[tag]
        # Glyphs are read once their points are counted.
        if tag != "glyf" and hasattr(table, "ensureDecompiled"):
            table.ensureDecompiled(recurse=True)
    except MemoryError:
        raise
    except Exception as error:
        raise FontRefused(f"is damaged: its table {tag.strip()} cannot be read; export the font again") from error
    return table


def _facts(font: TTFont, family: str) -> FontFacts:
    font_license = read_license(font)
    units = font["head"].unitsPerEm
    least = _LEAST_UNITS_VARIABLE if "fvar" in font else _UNITS[0]
    if not least <= units <= _UNITS[1]:
        raise FontRefused(f"has {units} units per em; they must be {least} to {_UNITS[1]}")
    characters = _rewrite_characters(font)
    lightest, heaviest = read_weights(font)
    return FontFacts(
        family=read_family(font, family),
        min_weight=lightest,
        max_weight=heaviest,
        italic=is_italic(font),
        license=font_license,
        characters=len(characters),
        scripts=read_scripts(characters),
    )


def _rewrite_characters(font: TTFont) -> list[int]:
    """Give a font one table of characters, without those that it does not draw; return them."""
    best = font.getBestCmap()
    order = font.getGlyphOrder()
    if not best:
        raise FontRefused("has no table of Unicode characters; export the font again with one")
    named = frozenset(order[1:])
    kept = {
        character: glyph
        for character, glyph in best.items()
        if glyph in named and character <= 0x10FFFF and not 0xD800 <= character <= 0xDFFF
    }
    if not kept:
        raise FontRefused("draws no character")
    table: Any = newTable("cmap")
    table.tableVersion, table.tables = 0, []
    for encoding, number, most in ((1, 4, 0xFFFF), (10, 12, 0x10FFFF)):
        subtable: Any = CmapSubtable.newSubtable(number)
        subtable.platformID, subtable.platEncID, subtable.language = 3, encoding, 0
        subtable.cmap = {character: glyph for character, glyph in kept.items() if character <= most}
        table.tables.append(subtable)
    font["cmap"] = table
    return sorted(kept)


def _check_axes(font: TTFont) -> None:
    if "fvar" not in font:
        return
    axes: list[Any] = font["fvar"].axes
    tags = [axis.axisTag for axis in axes]
    if not 1 <= len(axes) <= _MOST_AXES or len(set(tags)) != len(tags):
        raise FontRefused(f"must have 1 to {_MOST_AXES} axes, each once; export the font again")
    for axis in axes:
        if not axis.minValue <= axis.defaultValue <= axis.maxValue:
            raise FontRefused(f"has an axis {axis.axisTag!r} whose default lies outside of its range")


def _rebuild(font: TTFont) -> None:
    """Check and rewrite outlines and widths, and drop what belongs to programs."""
    units = font["head"].unitsPerEm
    try:
        if "glyf" in font:
            rebuild_glyphs(font)
            glyphs: Any = font["glyf"]
            held = (glyphs[name] for name in font.getGlyphOrder())
            bounds = [(glyph.xMin, glyph.yMin, glyph.xMax, glyph.yMax) for glyph in held if glyph.numberOfContours]
        else:
            bounds = rebuild_charstrings(font)
    except (FontRefused, MemoryError):
        raise
    except Exception as error:
        raise FontRefused("is damaged: its outlines cannot be read; export the font again") from error
    if not bounds:
        raise FontRefused("has no outlines")
    wide = max(max(abs(box[0]), abs(box[2])) for box in bounds)
    tall = max(max(abs(box[1]), abs(box[3])) for box in bounds)
    advance = max(width for width, _ in font["hmtx"].metrics.values())
    if not math.isfinite(wide + tall) or max(wide, advance) > _WIDEST * units or tall > _TALLEST * units:
        raise FontRefused(f"has a glyph of more than {_WIDEST} em in width or {_TALLEST} em in height")
    maxp: Any = font["maxp"]
    if maxp.tableVersion == 0x00010000:
        for name in ("Twilight", "Storage", "FunctionDefs", "InstructionDefs", "StackElements"):
            setattr(maxp, f"max{name}{'Points' if name == 'Twilight' else ''}", 0)
        maxp.maxSizeOfInstructions, maxp.maxZones = 0, 1
    post: Any = newTable("post")
    post.formatType, post.italicAngle, post.underlinePosition, post.underlineThickness = 3.0, 0.0, 0, 0
    post.isFixedPitch = post.minMemType42 = post.maxMemType42 = post.minMemType1 = post.maxMemType1 = 0
    font["post"] = post
