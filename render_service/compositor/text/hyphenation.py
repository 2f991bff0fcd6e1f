"""Divides words that are wider than a line: at syllables, by Liang's patterns from LibreOffice's dictionaries."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import pyphen

HYPHEN = "-"
"""What is drawn where a word is divided."""

_WORD = re.compile(r"[^\W\d_]{5,}")
# Letters left on either side of a hyphen.
_FEWEST_LETTERS = 3
# Scripts whose words are divided with a hyphen.
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN")
# German is the language whose words are wider than a line.
_GERMAN = re.compile(r"[äöüßÄÖÜ]|\b(?:der|die|das|und|nicht|ein|eine|ist|mit)\b")
_DEFAULT = {"LATIN": "en_US", "CYRILLIC": "ru_RU", "GREEK": "el_GR"}


def hyphenates(character: str) -> bool:
    """Return whether a character is a letter of a script that divides words with a hyphen."""
    return character.isalpha() and unicodedata.name(character, "").startswith(_SCRIPTS)


def hyphenation_points(text: str, language: str) -> Iterator[int]:
    """Find where the words of a text may be divided with a hyphen.

    Args:
        text: The text.
        language: BCP 47 tag; where it has no patterns for a word's script, those of English, Russian or Greek serve.

    Yields:
        Positions in the text, in order.
    """
    spoken = language or ("de" if _GERMAN.search(text) else "")
    for match in _WORD.finditer(text):
        word = match.group()
        dictionary = _dictionary(spoken, unicodedata.name(word[0], "").split(" ")[0])
        if dictionary is not None:
            yield from (match.start() + position for position in dictionary.positions(word))


@lru_cache(maxsize=64)
def _dictionary(language: str, script: str) -> pyphen.Pyphen | None:
    known = pyphen.language_fallback(language.replace("-", "_"))
    if known is None and language:
        prefix = language.lower().split("-")[0] + "_"
        known = next((name for name in sorted(pyphen.LANGUAGES) if name.startswith(prefix)), None)
    if known is None or _script_of(known) != script:
        known = _DEFAULT.get(script)
    if known is None:
        return None
    return pyphen.Pyphen(lang=known, left=_FEWEST_LETTERS, right=_FEWEST_LETTERS)


def _script_of(name: str) -> str:
    language = name.partition("_")[0]
    if language in ("be", "bg", "mn", "ru", "uk") or name == "sr":
        return "CYRILLIC"
    return "GREEK" if language == "el" else "LATIN"
