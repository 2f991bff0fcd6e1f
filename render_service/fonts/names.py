"""What a font says of itself: its family, style and licence; and a table of names with only that."""

import unicodedata
from collections import Counter
from typing import Any

from fontTools import unicodedata as scripts
from fontTools.ttLib import TTFont, newTable

from render_service.domain.brand.fonts import FontLicense, scripts_of
from render_service.domain.layers.uploaded_fonts import family_name_fault
from render_service.fonts.faults import FontRefused

# Name IDs (OpenType specification, name).
_FAMILY, _SUBFAMILY, _UNIQUE, _FULL, _VERSION, _POSTSCRIPT, _TYPOGRAPHIC = 1, 2, 3, 4, 5, 6, 16
_FIRST_FREE = 256
_WINDOWS = (3, 1, 0x409)
_ITALIC, _OBLIQUE = 1 << 0, 1 << 9  # OS/2.fsSelection
_MAC_ITALIC = 1 << 1  # head.macStyle
# OS/2.fsType: what may be done with the font's outlines.
_USAGE = 0x000F
_RESTRICTED, _PREVIEW, _EDITABLE = 0x0002, 0x0004, 0x0008
_BITMAPS_ONLY = 0x0200
_NEWEST_EXCLUSIVE = 3  # from this version of OS/2 on, the bits exclude each other


def read_license(font: TTFont) -> FontLicense:
    """Return what a font says of embedding.

    Raises:
        FontRefused: Its licence is restricted, or allows the embedding of bitmaps only.
    """
    table: Any = font["OS/2"]
    usage = table.fsType & _USAGE
    if table.fsType & _BITMAPS_ONLY:
        raise FontRefused(
            "must not be embedded, except as bitmaps (bit 9 of OS/2.fsType); get a file with another licence from its"
            " foundry"
        )
    allowed = usage & (_PREVIEW | _EDITABLE)
    # Before version 3 several bits could be set, and the least restrictive counted.
    if usage & _RESTRICTED and (table.version >= _NEWEST_EXCLUSIVE or not allowed):
        raise FontRefused(
            "has a restricted licence (bit 1 of OS/2.fsType), so it must not be embedded; get a file with another"
            " licence from its foundry"
        )
    if usage & _EDITABLE:
        return FontLicense.EDITABLE
    return FontLicense.PREVIEW_AND_PRINT if usage & _PREVIEW else FontLicense.INSTALLABLE


def read_family(font: TTFont, wanted: str) -> str:
    """Return the name of a font's family: the wanted one, unless that is empty.

    Raises:
        FontRefused: Its own name is missing, or no such name can be written in a project.
    """
    if wanted:
        return wanted
    table: Any = font.get("name")
    found = ""
    for number in (_TYPOGRAPHIC, _FAMILY):
        found = (table.getDebugName(number) if table else "") or ""
        if found:
            break
    if not found:
        raise FontRefused("has no name of a family; give one in family")
    family = " ".join(unicodedata.normalize("NFC", found).split(" ")).strip()
    if fault := family_name_fault(family):
        raise FontRefused(f"has the family name {family[:80]!r}, which {fault}; give another in family")
    return family


def read_weights(font: TTFont) -> tuple[int, int]:
    """Return the lightest and the heaviest weight of a font, 1–1000."""
    axis = next((axis for axis in _axes(font) if axis.axisTag == "wght"), None)
    if axis is not None:
        lightest, heaviest = (min(1000, max(1, round(value))) for value in (axis.minValue, axis.maxValue))
        return lightest, heaviest
    table: Any = font["OS/2"]
    weight = table.usWeightClass
    # Some old fonts count from 1 to 9.
    weight = weight * 100 if weight < 10 else weight
    weight = min(1000, max(1, weight or 400))
    return weight, weight


def is_italic(font: TTFont) -> bool:
    """Return whether the letters of a font slant."""
    table, head = font["OS/2"], font["head"]
    return bool(table.fsSelection & (_ITALIC | _OBLIQUE) or head.macStyle & _MAC_ITALIC)


def read_scripts(characters: list[int]) -> tuple[str, ...]:
    """Return the scripts of the letters that a font has."""
    letters = (chr(character) for character in characters)
    counts = Counter(scripts.script(letter) for letter in letters if unicodedata.category(letter)[0] == "L")
    return scripts_of(counts.items())


def rewrite_names(font: TTFont, family: str, weight: int, *, italic: bool) -> None:
    """Give a font names that say what it is, and its axes names that are the same in every font."""
    table: Any = newTable("name")
    table.names = []
    style = f"{weight}{' Italic' if italic else ''}"
    postscript = "".join(character for character in family if character.isascii() and character.isalnum()) or "Font"
    texts = {
        _FAMILY: family,
        _SUBFAMILY: style,
        _UNIQUE: f"{family} {style}",
        _FULL: f"{family} {style}",
        _VERSION: "Version 1.000",
        _POSTSCRIPT: f"{postscript}-{style.replace(' ', '')}",
    }
    for number, axis in enumerate(_axes(font), _FIRST_FREE):
        axis.axisNameID = number
        texts[number] = "Weight" if axis.axisTag == "wght" else axis.axisTag
    for number, text in texts.items():
        table.setName(text, number, *_WINDOWS)
    font["name"] = table
    if "fvar" in font:
        font["fvar"].instances = []


def _axes(font: TTFont) -> list[Any]:
    return list(font["fvar"].axes) if "fvar" in font else []
