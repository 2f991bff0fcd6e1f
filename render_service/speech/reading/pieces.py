"""A text in pieces, each with the words in which it is read aloud."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text as it is written, and as it is read.

    Args:
        text: As it is written. The texts of all pieces make up the whole text.
        reading: As it is read, in letters of the language and punctuation; empty where it is not read.
    """

    text: str
    reading: str


Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]
"""A pattern, and how what it matches is read; None leaves it to the rules that follow."""


def apply_rules(text: str, rules: Sequence[Rule], read_rest: Callable[[str], Iterator[Piece]]) -> tuple[Piece, ...]:
    """Split a text by rules, the first of which that matches at a place reads it.

    Args:
        text: The text.
        rules: The rules by precedence.
        read_rest: Reads what no rule matches, piece by piece.
    """
    pieces: list[Piece] = []
    rest = position = 0
    while position < len(text):
        found = _matched(text, position, rules)
        if found is None:
            position += 1
            continue
        if rest < position:
            pieces.extend(read_rest(text[rest:position]))
        pieces.append(found)
        rest = position = position + len(found.text)
    if rest < len(text):
        pieces.extend(read_rest(text[rest:]))
    return tuple(pieces)


def reading_of(pieces: Sequence[Piece]) -> str:
    """Return a whole text as it is read, with single blanks."""
    return " ".join("".join(piece.reading for piece in pieces).split())


def _matched(text: str, position: int, rules: Sequence[Rule]) -> Piece | None:
    if text[position].isspace():
        return None
    for pattern, read in rules:
        match = pattern.match(text, position)
        if match is not None and match[0]:
            reading = read(match)
            if reading is not None:
                return Piece(match[0], reading)
    return None
