"""Compares texts word by word, or character by character in Chinese."""

import unicodedata
from collections.abc import Sequence


def letters(text: str) -> list[str]:
    """Return the words of an English text, or the characters of a Chinese one, for comparison."""
    plain = "".join(c if unicodedata.category(c)[0] in "LN" else " " for c in text.lower())
    return [part for word in plain.split() for part in (word if ord(word[0]) > 0x2E80 else (word,))]


def distance(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Return the number of insertions, deletions and substitutions between two sequences."""
    row = list(range(len(heard) + 1))
    for number, one in enumerate(wanted, 1):
        previous, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            previous, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, previous + (one != other))
    return row[-1]
