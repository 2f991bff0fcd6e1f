"""Checks, before rendering starts, that a font has a glyph for every character that is drawn."""

import unicodedata
from collections.abc import Collection

from render_service.compositor.text.drawn_texts import drawn_texts
from render_service.compositor.text.fonts import is_covered
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec

_NAMED_AT_MOST = 10


def missing_characters(text: str) -> list[str]:
    """Return the characters of a text that no font covers, each once, in the order of the text."""
    return [character for character in dict.fromkeys(text) if not is_covered(character)]


def check_glyphs(spec: RenderSpec, carded: Collection[str] = ()) -> None:
    """Check that all texts of a render can be drawn.

    Args:
        spec: The render.
        carded: Ids of the shots that have no picture and become cards, whose text is drawn too.

    Raises:
        RenderFailure: GLYPH_MISSING, naming every shot concerned and its characters as `U+XXXX NAME`. Metadata: the
            first shot's `shot_id` and `characters` (`U+XXXX`, separated by commas).
    """
    missing: dict[str, dict[str, None]] = {}
    for owner, text in drawn_texts(spec.project, carded):
        if found := missing_characters(text):
            missing.setdefault(owner, {}).update(dict.fromkeys(found))
    if not missing:
        return
    named = [f"{owner}: no font has a glyph for {_names(found)}" for owner, found in missing.items()]
    more = f"; and {len(named) - _NAMED_AT_MOST} more shots" if len(named) > _NAMED_AT_MOST else ""
    first = next(iter(missing))
    raise RenderFailure(
        ErrorReason.GLYPH_MISSING,
        f"{'; '.join(named[:_NAMED_AT_MOST])}{more}; remove or replace these characters",
        {"shot_id": first, "characters": ",".join(map(_code_point, missing[first]))},
    )


def _names(characters: Collection[str]) -> str:
    named = ", ".join(_name(character) for character in list(characters)[:_NAMED_AT_MOST])
    return f"{named} and {len(characters) - _NAMED_AT_MOST} more" if len(characters) > _NAMED_AT_MOST else named


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _name(character: str) -> str:
    return f"{_code_point(character)} {unicodedata.name(character, '')}".rstrip()
