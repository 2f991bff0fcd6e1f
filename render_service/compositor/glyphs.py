"""Checks before any rendering that every character to be drawn has a glyph."""

import unicodedata
from collections.abc import Mapping

from render_service.compositor.fonts import is_covered
from render_service.domain.errors import ErrorReason, RenderFailure

_NAMED_AT_MOST = 10


def missing_characters(text: str) -> list[str]:
    """Return the characters of a text that no font covers, each once, in the order of the text."""
    return [character for character in dict.fromkeys(text) if not is_covered(character)]


def check_glyphs(texts: Mapping[str, str]) -> None:
    """Make sure that all texts can be drawn.

    Args:
        texts: What will be drawn, by the id of the shot (or the part of the video) it belongs to.

    Raises:
        RenderFailure: GLYPH_MISSING, naming the first shot concerned and its characters as `U+XXXX NAME`. Metadata:
            `shot_id` and `characters` (`U+XXXX` separated by commas) of that shot.
    """
    for owner, text in texts.items():
        missing = missing_characters(text)
        if missing:
            named = "; ".join(_name(character) for character in missing[:_NAMED_AT_MOST])
            more = f" and {len(missing) - _NAMED_AT_MOST} more" if len(missing) > _NAMED_AT_MOST else ""
            raise RenderFailure(
                ErrorReason.GLYPH_MISSING,
                f"shot {owner}: no font has a glyph for {named}{more}",
                {"shot_id": owner, "characters": ",".join(_code_point(character) for character in missing)},
            )


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _name(character: str) -> str:
    return f"{_code_point(character)} {unicodedata.name(character, '')}".rstrip()
