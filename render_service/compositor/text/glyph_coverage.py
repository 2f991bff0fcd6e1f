"""Checks, before rendering starts, that a font has a glyph for every character that is drawn."""

import unicodedata
from collections.abc import Collection

from render_service.compositor.text.drawn_texts import DrawnText, drawn_texts
from render_service.compositor.text.fonts import REGULAR_WEIGHT, coverage, family_face, is_covered
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.project import MissingGlyph, Project
from render_service.domain.warning import JobWarning, WarningCode

_NAMED_AT_MOST = 10
# Characters of the metadata that lists all of them.
_LONGEST_LIST = 2000


def missing_characters(text: str, font: str = "") -> list[str]:
    """Return the characters of a text that no font covers, its own included, each once, in the order of the text."""
    missing = [character for character in dict.fromkeys(text) if not is_covered(character)]
    face = family_face(font, REGULAR_WEIGHT) if missing else None
    return missing if face is None else [character for character in missing if ord(character) not in coverage(face)]


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
    found = {drawn: missing_characters(drawn.text, drawn.font) for drawn in drawn_texts(project, carded)}
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
