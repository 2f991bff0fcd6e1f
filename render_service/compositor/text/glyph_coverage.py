"""Checks, before rendering starts, that a font has a glyph for every character that is drawn."""

import unicodedata
from collections.abc import Collection

from render_service.compositor.text.drawn_texts import DrawnText, drawn_texts
from render_service.compositor.text.fonts import coverage, family_face, is_covered
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.project import MissingGlyph, Project
from render_service.domain.warning import JobWarning, WarningCode

_NAMED_AT_MOST = 10
# Characters of the metadata that lists all of them.
_LONGEST_LIST = 2000


# All files of a family draw letters of one of these weights.
_WEIGHTS = range(100, 1000, 100)


def missing_characters(text: str, *fonts: str, weight: int | None = None, italic: bool = False) -> list[str]:
    """Return the characters of a text that may be drawn without a glyph.

    Args:
        text: The text.
        fonts: Names of the fonts that may draw it; each must have what the fonts of the service lack.
        weight: Of its letters, 100–900; None for any: each file of the fonts must have these characters.
        italic: Whether its letters slant.

    Returns:
        The characters, each once, in the order of the text.
    """
    missing = [character for character in dict.fromkeys(text) if not is_covered(character)]
    if not missing:
        return []
    weights = _WEIGHTS if weight is None else (weight,)
    faces = {family_face(font, one, italic=italic) for font in fonts or ("",) for one in weights}
    covered = [frozenset[int]() if face is None else coverage(face) for face in faces]
    return [character for character in missing if any(ord(character) not in one for one in covered)]


def check_glyphs(spec: RenderSpec, carded: Collection[str] = ()) -> tuple[JobWarning, ...]:
    """Check that all texts of a render can be drawn.

    Args:
        spec: The render.
        carded: Ids of the shots that have no picture and become cards, whose text is drawn too.

    Returns:
        A warning for each field with characters that are replaced, under the policy REPLACE.

    Raises:
        RenderFailure: GLYPH_MISSING under the policy FAIL, naming every field concerned and its characters as
            `U+XXXX NAME`. Metadata: the first field's `shot_id`, `field` and `characters` (`U+XXXX`, separated by
            commas), and `missing` with all fields.
    """
    missing = _missing(spec.project, carded)
    if not missing:
        return ()
    named = [f"{_place(drawn)}: no font has a glyph for {_names(found)}" for drawn, found in missing.items()]
    if spec.project.missing_glyph is MissingGlyph.REPLACE:
        return tuple(
            JobWarning(WarningCode.GLYPH_REPLACED, f"{message}; they are drawn as \ufffd", _shot_id(drawn), drawn.field)
            for message, drawn in zip(named, missing, strict=True)
        )
    more = f"; and {len(named) - _NAMED_AT_MOST} more fields" if len(named) > _NAMED_AT_MOST else ""
    first = next(iter(missing))
    every = "; ".join(f"{_place(drawn)} {_code_points(found)}" for drawn, found in missing.items())
    raise RenderFailure(
        ErrorReason.GLYPH_MISSING,
        f"{'; '.join(named[:_NAMED_AT_MOST])}{more}; remove these characters, or set missing_glyph to REPLACE",
        {
            "shot_id": first.shot_id,
            "field": first.field,
            "characters": _code_points(missing[first]),
            "missing": every if len(every) <= _LONGEST_LIST else f"{every[: _LONGEST_LIST - 1]}…",
        },
    )


def _missing(project: Project, carded: Collection[str]) -> dict[DrawnText, list[str]]:
    found = {
        drawn: missing_characters(drawn.text, *drawn.fonts, weight=drawn.weight, italic=drawn.italic)
        for drawn in drawn_texts(project, carded)
    }
    return {drawn: characters for drawn, characters in found.items() if characters}


def _shot_id(drawn: DrawnText) -> str:
    """Return the shot that a warning is about: title and end card belong to the project."""
    return "" if drawn.shot_id.startswith("@") else drawn.shot_id


def _place(drawn: DrawnText) -> str:
    shot_id = _shot_id(drawn)
    return f"{shot_id}.{drawn.field}" if shot_id else drawn.field


def _names(characters: Collection[str]) -> str:
    named = ", ".join(_name(character) for character in list(characters)[:_NAMED_AT_MOST])
    return f"{named} and {len(characters) - _NAMED_AT_MOST} more" if len(characters) > _NAMED_AT_MOST else named


def _code_points(characters: Collection[str]) -> str:
    return ",".join(map(_code_point, characters))


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _name(character: str) -> str:
    return f"{_code_point(character)} {unicodedata.name(character, '')}".rstrip()
