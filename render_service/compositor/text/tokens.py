"""Finds the parts of a text that are read as one: URLs, e-mail addresses, handles, quantities, numbered references."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from icu4py.breakers import LineBreaker

from render_service.compositor.text.units import CURRENCIES, SIGNS, UNSPACED, WORDS


class TokenKind(Enum):
    """What a token is."""

    ADDRESS = auto()
    """A URL, a domain name or an e-mail address."""
    HANDLE = auto()
    """`@name` or `#tag`."""
    QUANTITY = auto()
    """A number with its currency, unit or counter."""
    REFERENCE = auto()
    """A label or title with what it belongs to, such as `No. 5` or `Dr. Smith`, or an abbreviation such as `z. B.`."""


NAMES = (TokenKind.ADDRESS, TokenKind.HANDLE)
"""Kinds that are written as one word, whose signs belong to it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a text that is kept on one line: its kind, its start and its end."""

    kind: TokenKind
    first: int
    last: int


# ASCII, and the alphabets that domain names and paths are written in: text in other scripts may follow at once.
_IN_ADDRESS = "[!-~\u00a1-\u024f\u0370-\u052f]"
_ADDRESS = re.compile(
    rf"(?:[a-z][a-z0-9+.-]{{1,15}}://|www\.){_IN_ADDRESS}+"
    r"|(?<![\w.+-])[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+"
    r"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}(?![\w@])"
    rf"(?:[/?#]{_IN_ADDRESS}*)?",
    re.IGNORECASE | re.ASCII,
)
_SENTENCE_MARKS = ".,;:!?…'\"”’»›"
_BRACKETS = {")": "(", "]": "[", "}": "{", ">": "<"}
_HANDLE = re.compile(r"(?<![0-9A-Za-z_.])[@＠#＃](?=\w)")
_HANDLE_JOINERS = "_-.·"
_MOST_UNITS = 3
_LONGEST_WORD = 24
_SPACES = " \u00a0\u2009\u202f"
_NUMBER = re.compile(
    rf"(?:(?:{'|'.join(map(re.escape, CURRENCIES))})[{_SPACES}]?)?(?<![0-9A-Za-z.,])[-+−±~≈<>≤≥]?"
    rf"\d+(?:[.,:'’/×x–٫٬-]\d+)*(?:[{_SPACES}]\d{{3}}(?!\d))*[½¼¾⅓⅔]?"
)
_IDEOGRAPHIC_NUMBER = re.compile("第?[〇一二三四五六七八九十百千万萬億亿两兩零数數几幾]+")
_LABEL = re.compile(
    r"(?<![\w.])(?:(?:No|Nr|Art|Abs|Abb|Fig|Tab|Vol|Kap|Bd|pp?|S|стр|рис|ст|г|ул|Dr|Prof|Mr|Mrs|Ms|St|Ste|Hr|Fr|Sr|Sra|"
    r"Srta|Sig|Dott|Ing|ca|vgl|approx)\.|№|§{1,2}|Nº|N°|Dr|Mr|Mrs|Ms|Mme|Mlle|Herr|Frau|Pr) (?=\w)"
)
# `z. B.`, `e. g.`, and initials before a name.
_ABBREVIATION = re.compile(
    r"(?<![\w.])(?:(?:[A-ZÀ-ÞА-Я]\. ?){1,4}(?=[A-ZÀ-ÞА-Я]\w)|(?:[^\W\d_]\. ){1,5}(?=[^\W\d_]\.))"
)


@lru_cache(maxsize=64)
def find_tokens(text: str) -> tuple[Token, ...]:
    """Find the parts of a text that are kept on one line, in order of their starts, without overlap."""
    found = sorted((*_addresses(text), *_handles(text), *_quantities(text), *_references(text)), key=_place)
    result: list[Token] = []
    for token in found:
        if not result or token.first >= result[-1].last:
            result.append(token)
    return tuple(result)


def _place(token: Token) -> tuple[int, int]:
    return token.first, -token.last


def _addresses(text: str) -> Iterator[Token]:
    for match in _ADDRESS.finditer(text):
        first, last = match.span()
        while last > first and _closes(text, first, last):
            last -= 1
        yield Token(TokenKind.ADDRESS, first, last)


def _closes(text: str, first: int, last: int) -> bool:
    """Return whether the last character of an address belongs to the sentence around it."""
    mark = text[last - 1]
    if mark in _BRACKETS:
        return text.count(mark, first, last) > text.count(_BRACKETS[mark], first, last)
    return mark in _SENTENCE_MARKS


def _handles(text: str) -> Iterator[Token]:
    for match in _HANDLE.finditer(text):
        last = _word_end(text, match.end(), _HANDLE_JOINERS)
        while text[last - 1] in "-.·":
            last -= 1
        yield Token(TokenKind.HANDLE, match.start(), last)


def _word_end(text: str, position: int, joiners: str) -> int:
    while position < len(text) and (
        text[position].isalnum() or text[position] in joiners or unicodedata.category(text[position])[0] == "M"
    ):
        position += 1
    return position


def _quantities(text: str) -> Iterator[Token]:
    for match in _NUMBER.finditer(text):
        yield Token(TokenKind.QUANTITY, match.start(), _after_units(text, match.end()))
    for match in _IDEOGRAPHIC_NUMBER.finditer(text):
        last = _after_units(text, match.end())
        if last > match.end():
            yield Token(TokenKind.QUANTITY, match.start(), last)


def _after_units(text: str, position: int) -> int:
    """Return where the units after a number end: `5 million km` has two."""
    number_end = position
    for _ in range(_MOST_UNITS):
        start = position + 1 if text[position : position + 1] in (*_SPACES,) else position
        end = _unit_end(text, start)
        if end == start:
            break
        position = end
    else:
        return position
    following = text[start : start + _LONGEST_WORD]
    if position == number_end and start > position and following[:1] and "\u0e00" <= following[0] <= "\u17ff":
        # Thai, Lao, Burmese and Khmer count with classifiers, which are too many to list.
        position = start + len(next(iter(LineBreaker(following, "und"))).rstrip())
    return position


def _unit_end(text: str, start: int) -> int:
    """Return the end of the unit at a position, or the position where there is none."""
    unit = next((unit for unit in UNSPACED if text.startswith(unit, start)), "")
    if unit:
        return start + len(unit)
    end = _word_end(text, start, "/.’'״\"²³°")
    while end > start and text[start:end].lower() not in WORDS:
        # A full stop or a quotation mark after the unit belongs to the sentence.
        if text[end - 1].isalnum() or unicodedata.category(text[end - 1])[0] == "M":
            break
        end -= 1
    if end > start and text[start:end].lower() in WORDS:
        return end
    sign = next((sign for sign in (text[start : start + 2], text[start : start + 1]) if sign in SIGNS), "")
    return start + len(sign)


def _references(text: str) -> Iterator[Token]:
    for pattern in (_LABEL, _ABBREVIATION):
        for match in pattern.finditer(text):
            yield Token(TokenKind.REFERENCE, match.start(), _word_end(text, match.end(), "-'’."))
