"""Aligns timed words, as a speech recogniser heard them, with the text of a caption, as an author wrote it."""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from render_service.compositor.text.fonts import is_wide
from render_service.domain.projects.project import WordTiming

_APOSTROPHES = frozenset("'’‘ʼ＇`´")
# Scripts that are written without spaces: each letter with its marks is a token of its own.
_WITHOUT_SPACES = ("THAI", "LAO", "KHMER", "MYANMAR")
# A word that occurs often is looked for in so many places around the one where it is expected.
_NEAREST = 50
# A text of which less is found says something else than the words: then what is not found is not guessed.
_ENOUGH = 0.5


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A timed word and its span in the text."""

    first: int
    last: int
    timing: WordTiming


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of text that is compared as a whole: its normalised form, and its span in the text."""

    form: str
    first: int
    last: int


def align_words(text: str, words: Sequence[WordTiming], language: str = "") -> tuple[AlignedWord, ...]:
    """Find the timed words in a text, as the longest common subsequence of both.

    Words are compared without regard to case, Unicode form, punctuation, and kind of apostrophe. What lies between two
    words that were found takes the times that lie between them: a word that was misheard, left out or added shifts no
    other.

    Args:
        text: The caption.
        words: The words in the order in which they are spoken.
        language: BCP 47 tag of the text; decides how case is folded.

    Returns:
        The words of the text whose times are known, in order, without overlap.
    """
    tokens = _tokens(text, language)
    found = _find(tokens, [_tokens(word.text, language) for word in words])
    if sum(last - first for _, first, last in found) < _ENOUGH * len(tokens):
        return tuple(_aligned(tokens, first, last, words[number]) for number, first, last in found)
    return tuple(_with_gaps(text, tokens, words, found))


def unmatched_words(text: str, words: Sequence[WordTiming], language: str = "") -> tuple[WordTiming, ...]:
    """Return the words that `align_words` does not find in a text, in order, except those of punctuation only."""
    spoken = [_tokens(word.text, language) for word in words]
    found = {number for number, _, _ in _find(_tokens(text, language), spoken)}
    return tuple(
        word for number, (word, parts) in enumerate(zip(words, spoken, strict=True)) if parts and number not in found
    )


def _find(tokens: Sequence[_Token], spoken: Sequence[Sequence[_Token]]) -> list[tuple[int, int, int]]:
    """Return the spoken words that are found: the number of each, its first token in the text and the one after it."""
    forms = [part.form for parts in spoken for part in parts]
    matched = dict(_common(forms, [token.form for token in tokens]))
    found: list[tuple[int, int, int]] = []
    position = 0
    for number, parts in enumerate(spoken):
        places = [matched.get(position + part) for part in range(len(parts))]
        position += len(parts)
        if parts and places[0] is not None and places == [*range(places[0], places[0] + len(parts))]:
            found.append((number, places[0], places[0] + len(parts)))
    return found


def _aligned(tokens: Sequence[_Token], first: int, last: int, timing: WordTiming) -> AlignedWord:
    return AlignedWord(tokens[first].first, tokens[last - 1].last, timing)


def _with_gaps(
    text: str, tokens: Sequence[_Token], words: Sequence[WordTiming], found: Sequence[tuple[int, int, int]]
) -> Iterator[AlignedWord]:
    """Yield the words that were found, and between them the rest of the text, with the times of the other words."""
    next_token = next_word = 0
    for number, first, last in (*found, (len(words), len(tokens), len(tokens))):
        gap = _written_words(text, tokens[next_token:first])
        missed = [word for word in words[next_word:number] if word.text.strip()]
        begin = words[next_word - 1].end if next_word else None
        end = words[number].start if number < len(words) else None
        yield from _in_gap(gap, missed, begin, end)
        if number < len(words):
            yield _aligned(tokens, first, last, words[number])
        next_token, next_word = last, number + 1


def _in_gap(
    gap: Sequence[tuple[int, int]], missed: Sequence[WordTiming], begin: timedelta | None, end: timedelta | None
) -> Iterator[AlignedWord]:
    """Yield the words of a stretch of text that was heard as other words, or as none."""
    if len(gap) == len(missed):
        yield from (AlignedWord(*span, word) for span, word in zip(gap, missed, strict=True))
        return
    if missed:
        begin, end = missed[0].start, missed[-1].end
    if begin is None or end is None or end <= begin:
        return
    whole, done = sum(last - first for first, last in gap), 0
    for first, last in gap:
        start = begin + (end - begin) * done / whole
        done += last - first
        yield AlignedWord(first, last, WordTiming("", start, begin + (end - begin) * done / whole))


def _written_words(text: str, tokens: Sequence[_Token]) -> list[tuple[int, int]]:
    """Return the spans of words as they are written: what an apostrophe joins is one."""
    spans: list[tuple[int, int]] = []
    for token in tokens:
        if spans and text[spans[-1][1] : token.first] and set(text[spans[-1][1] : token.first]) <= _APOSTROPHES:
            spans[-1] = (spans[-1][0], token.last)
        else:
            spans.append((token.first, token.last))
    return spans


def _tokens(text: str, language: str) -> list[_Token]:
    tokens: list[tuple[int, int]] = []
    joins = False
    for position, character in enumerate(text):
        category = unicodedata.category(character)
        if category[0] == "M" and tokens and tokens[-1][1] == position:
            tokens[-1] = (tokens[-1][0], position + 1)
        elif category[0] not in "LN":
            joins = False
        elif category == "Lo" and (is_wide(character) or unicodedata.name(character, "").startswith(_WITHOUT_SPACES)):
            tokens.append((position, position + 1))
            joins = False
        elif joins and tokens[-1][1] == position:
            tokens[-1] = (tokens[-1][0], position + 1)
        else:
            tokens.append((position, position + 1))
            joins = True
    return [_Token(_folded(text[first:last], language), first, last) for first, last in tokens]


def _folded(word: str, language: str) -> str:
    if language.lower().split("-")[0] in ("tr", "az"):
        # Turkish pairs dotted with dotted and dotless with dotless (Unicode, SpecialCasing.txt).
        word = word.replace("İ", "i").replace("I", "ı")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())


def _common(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Return a longest common subsequence as pairs of indexes (Hunt and Szymanski 1977).

    Pairs of equal elements are taken in the order of `left`; the longest rising sequence of their places in `right` is
    the longest common one.
    """
    places: dict[str, list[int]] = {}
    for place, form in enumerate(right):
        places.setdefault(form, []).append(place)
    ends: list[int] = []  # the smallest last place of a common subsequence of each length
    chains: list[int] = []  # the pair that it ends with
    pairs: list[tuple[int, int, int]] = []  # both indexes, and the pair before
    for index, form in enumerate(left):
        for place in reversed(_near(places.get(form, []), index * len(right) // len(left))):
            length = bisect_left(ends, place)
            pairs.append((index, place, chains[length - 1] if length else -1))
            if length == len(ends):
                ends.append(place)
                chains.append(len(pairs) - 1)
            else:
                ends[length], chains[length] = place, len(pairs) - 1
    common = []
    pair = chains[-1] if chains else -1
    while pair >= 0:
        index, place, pair = pairs[pair]
        common.append((index, place))
    return common[::-1]


def _near(places: list[int], expected: int) -> list[int]:
    if len(places) <= _NEAREST:
        return places
    middle = bisect_left(places, expected)
    first = min(max(0, middle - _NEAREST // 2), len(places) - _NEAREST)
    return places[first : first + _NEAREST]
