"""How texts name the fonts that a workspace has uploaded, and how a job names their files.

A caller writes `workspace:Acme Sans`. A job that starts has `pinned:` with the files of the family in its place, so
that what is uploaded or deleted later does not change it, and all that is drawn depends on the content of the files.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

WORKSPACE = "workspace:"
"""How the name of an uploaded family begins."""
LONGEST_FAMILY = 48
"""Characters of the name of a family."""
PINNED = "pinned:"
"""How the name of pinned files begins."""
_ALLOWED = frozenset(" -_.,&+'’()!")


@dataclass(frozen=True, slots=True)
class FontFile:
    """A file of a family.

    Args:
        min_weight: Its lightest weight, 1 (thin) to 1000 (black).
        max_weight: Its heaviest weight; the same unless the font is variable.
        italic: Whether its letters slant.
        sha256: Of the file, 64 lower-case hexadecimal digits.
    """

    min_weight: int
    max_weight: int
    italic: bool
    sha256: str


def is_font_field(key: str) -> bool:
    """Return whether a field holds the name of a font, given `Type.field`."""
    kind, _, name = key.rpartition(".")
    return name == "font" or kind == "BrandFonts"


def family_name_fault(family: str) -> str | None:
    """Return what is wrong with the name of an uploaded family, in words that complete "… <field>: "; None for none."""
    is_long = not 1 <= len(family) <= LONGEST_FAMILY
    is_spaced = family != " ".join(family.split(" ")).strip() or "  " in family
    others = [character for character in family if not _is_allowed(character)]
    if is_long or is_spaced or others or family != unicodedata.normalize("NFC", family):
        allowed = "letters, digits, single spaces and - _ . , & + ' ( ) !"
        return f"must be 1 to {LONGEST_FAMILY} characters: {allowed}"
    return None


def _is_allowed(character: str) -> bool:
    return character in _ALLOWED or unicodedata.category(character)[0] in "LMN"


def uploaded_family(name: str) -> str | None:
    """Return the family that a name such as `workspace:Acme Sans` is of; None for any other name."""
    return name.removeprefix(WORKSPACE) if name.startswith(WORKSPACE) else None


def family_key(family: str) -> str:
    """Return what equal names of families have in common: case does not matter."""
    return family.casefold()


def pinned_name(files: Sequence[FontFile]) -> str:
    """Return the name by which a job has the files of a family; equal for equal files in any order."""
    parts = sorted(f"{file.min_weight}-{file.max_weight}{'i' if file.italic else ''}={file.sha256}" for file in files)
    return PINNED + ",".join(parts)


@lru_cache(maxsize=256)
def pinned_files(name: str) -> tuple[FontFile, ...]:
    """Return the files that a name from `pinned_name` holds; none for any other name."""
    if not name.startswith(PINNED):
        return ()
    found = []
    for part in name.removeprefix(PINNED).split(","):
        weights, _, sha256 = part.partition("=")
        lightest, _, heaviest = weights.removesuffix("i").partition("-")
        found.append(FontFile(int(lightest), int(heaviest), weights.endswith("i"), sha256))
    return tuple(found)


def nearest_file(files: Sequence[FontFile], weight: int, *, italic: bool) -> FontFile:
    """Return the file of a family that draws a style best.

    Args:
        files: At least one.
        weight: 100 (thin) to 900 (black).
        italic: Whether the letters are to slant: an upright file is taken only where the family has no other.

    Returns:
        The file whose weights are nearest, the heavier of two that are as near.
    """

    def distance(file: FontFile) -> tuple[bool, int, int, str]:
        away = max(file.min_weight - weight, weight - file.max_weight, 0)
        return (file.italic is not italic, away, -file.max_weight, file.sha256)

    return min(files, key=distance)
