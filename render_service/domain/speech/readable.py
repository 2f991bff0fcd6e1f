"""Which texts a voice can read."""

import unicodedata

from render_service.domain.speech.han import is_han
from render_service.domain.speech.voices import primary

_MOST_NAMED = 10
# First words of characters' names: letters, the ordinal signs ª and º, digits, fractions, and digits set high or low.
_ALWAYS_READ = frozenset(("LATIN", "FULLWIDTH", "MODIFIER", "MASCULINE", "FEMININE", "DIGIT", "VULGAR")) | frozenset(
    ("SUPERSCRIPT", "SUBSCRIPT")
)
REPETITION = "々"
"""Stands for the Han character before it."""


def guess_language(text: str) -> str:
    """Return `zh` for a text with Han characters and no kana or Hangul, otherwise `en`."""
    scripts = {_script(character) for character in text if unicodedata.category(character)[0] == "L"}
    return "zh" if "CJK" in scripts and not scripts & {"HIRAGANA", "KATAKANA", "HANGUL"} else "en"


def unreadable_characters(text: str, language: str) -> tuple[str, ...]:
    """Return the letters and digits of a text that a voice of a language cannot read, in order, at most ten.

    Latin letters and the digits 0–9 can be read in every language, Han characters that have a known pronunciation in
    Chinese. Other characters than
    letters and digits are never in the way: what has no reading, such as an emoji, is skipped.

    Args:
        text: A narration.
        language: BCP 47 tag of the voice's language.
    """
    is_chinese = primary(language) == "zh"
    found: dict[str, None] = {}
    before = ""
    for character in text:
        is_read_as_han = is_chinese and is_han(before if character == REPETITION else character)
        if unicodedata.category(character)[0] in "LN" and _script(character) not in _ALWAYS_READ and not is_read_as_han:
            found[character] = None
        if character != REPETITION:
            before = character
    return tuple(found)[:_MOST_NAMED]


def is_spoken(text: str) -> bool:
    """Return whether a text has anything that is read: a letter or a digit."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


def _script(character: str) -> str:
    """Return the first word of a character's Unicode name, which names the script of letters."""
    return unicodedata.name(character, "UNKNOWN").partition(" ")[0]
