"""Chooses the faces that draw the texts of an SVG: its renderer finds none that lacks a single letter of a text."""

from functools import cache

import uharfbuzz

from render_service.compositor.text.fonts import LATIN_EXTENDED, Face, coverage, file_of, split_by_face

# Names of families in a font file (OpenType, name table): of the typographic family, and of the family.
_TYPOGRAPHIC_FAMILY, _FAMILY = 16, 1


def runs_of(text: str) -> list[tuple[str, Face]]:
    """Split a text into runs that one face each draws; the Latin one draws whatever it has."""
    runs: list[tuple[str, Face]] = []
    for part, face in split_by_face(text, "", LATIN_EXTENDED):
        drawn = LATIN_EXTENDED if all(one.isspace() or ord(one) in coverage(LATIN_EXTENDED) for one in part) else face
        if runs and runs[-1][1] == drawn:
            runs[-1] = (runs[-1][0] + part, drawn)
        else:
            runs.append((part, drawn))
    return runs


@cache
def family_of(face: Face) -> str:
    """Return the name by which a font file's family is chosen."""
    loaded = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(file_of(face))), face.index)
    return loaded.get_name(_TYPOGRAPHIC_FAMILY) or loaded.get_name(_FAMILY) or ""
