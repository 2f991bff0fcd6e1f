"""How long a voice takes for a text: by its letters, and by the pauses that it is heard to make."""

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

PAUSES = dict.fromkeys("。！？!?.…؟۔।॥។", 2.0) | dict.fromkeys("，、；：,;:—–،؛၊\n", 1.0)
"""Length of the speaker's pause at punctuation, in units of the time of one ideograph."""

_CLOSING = frozenset("\"'”’」』）)»]】》")
# What it costs to say that a voice does not pause at the end of a sentence or clause, that it pauses where nothing ends
# (a second of it), and that it takes longer or shorter than its letters let expect (a second of it).
_SKIPPED_SENTENCE, _SKIPPED_CLAUSE, _SKIPPED_PAUSE, _APART = 0.6, 0.25, 0.8, 0.6
# So many ends and pauses may be skipped at once, and so far (seconds, part of the text) may estimates be off.
_MOST_SKIPPED_MARKS, _MOST_SKIPPED_PAUSES = 6, 12
_OFF_SECONDS, _OFF_PART = 3.0, 0.12
_SPARE_PAUSES = 20


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a sentence or clause ends in a text, where the next begins, and the cost of no pause there."""

    end: int
    following: int
    cost: float


def reading_time(character: str) -> float:
    """Return the approximate speaking time of a character, in units of one ideograph."""
    return PAUSES.get(character, _letter_time(character))


def _letter_time(character: str) -> float:
    if character in PAUSES:
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    return 0.36 if character.isalnum() else 0.12


def pause_points(
    text: str, span: tuple[int, int], pauses: Sequence[tuple[int, int]], fps: int
) -> list[tuple[int, int]]:
    """Find when a voice that reads a text reaches its sentences and clauses.

    Its pauses are matched with the text's punctuation, in order: those that lie where the letters let them be expected.

    Args:
        text: The text.
        span: First frame of the narration, and the frame after its last.
        pauses: First frame and frame after the last of each pause, in order, inside the span.
        fps: Frames per second.

    Returns:
        Positions in the text and the frames in which the voice reaches them, both ascending: the start, the end of
        what is said before each matched pause, the start of what follows it, and the end.
    """
    start, end = span
    inner = list(pauses)
    if inner and inner[0][0] <= start:
        start = min(inner.pop(0)[1], end - 1)
    if inner and inner[-1][1] >= end:
        end = max(inner.pop()[0], start + 1)
    marks = _marks(text)
    inner = sorted(sorted(inner, key=_shortness)[: 2 * len(marks) + _SPARE_PAUSES])
    points = [(0, start)]
    for mark, (begin, finish) in _match(text, marks, (start, end), inner, fps):
        points += [(mark.end, begin), (mark.following, finish)]
    return [*points, (len(text), end)]


def _shortness(pause: tuple[int, int]) -> int:
    return pause[0] - pause[1]


def _marks(text: str) -> list[_Mark]:
    marks, position = [], 0
    while position < len(text):
        if text[position] not in PAUSES or _is_in_number(text, position):
            position += 1
            continue
        cost = 0.0
        end = position
        while end < len(text) and (text[end] in PAUSES or text[end] in _CLOSING):
            cost = max(cost, _SKIPPED_SENTENCE if PAUSES.get(text[end]) == 2.0 else _SKIPPED_CLAUSE)
            end += 1
        following = end
        while following < len(text) and text[following].isspace():
            following += 1
        if following < len(text) and any(map(str.isalnum, text[:position])):
            marks.append(_Mark(end, following, cost))
        position = max(following, position + 1)
    return marks


def _is_in_number(text: str, position: int) -> bool:
    return text[position - 1 : position].isdigit() and text[position + 1 : position + 2].isdigit()


def _match(
    text: str, marks: Sequence[_Mark], span: tuple[int, int], pauses: Sequence[tuple[int, int]], fps: int
) -> list[tuple[_Mark, tuple[int, int]]]:
    """Match marks with pauses, in order, at the least cost.

    A match costs the difference between the time that the voice is heard since the match before, and the time that the
    letters in between let expect; what is skipped in between has its costs.
    """
    silences = [0, *accumulate(last - first for first, last in pauses)]
    letters = [0.0, *accumulate(map(_letter_time, text))]
    total = (span[1] - span[0] - silences[-1]) / fps
    rate = total / letters[-1] if letters[-1] else 0.0
    # The first row and column stand for the start of both, the last for their end.
    expected = [0.0, *(letters[mark.end] * rate for mark in marks), total]
    voiced = [0.0, *((begin - span[0] - silences[n]) / fps for n, (begin, _) in enumerate(pauses)), total]
    skipped_marks = [0.0, *accumulate(mark.cost for mark in marks)]
    skipped_pauses = [0.0, *accumulate(_SKIPPED_PAUSE * min(1.0, (last - first) / fps) for first, last in pauses)]
    reach = _OFF_SECONDS + _OFF_PART * total
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    last_row, last_column = len(marks) + 1, len(pauses) + 1
    for row in range(1, last_row):
        first = bisect_left(voiced, expected[row] - reach, 1, last_column)
        for column in range(first, bisect_left(voiced, expected[row] + reach, first, last_column)):
            options = (
                (cost, (above, before))
                for above in range(max(0, row - 1 - _MOST_SKIPPED_MARKS), row)
                for before in range(max(0, column - 1 - _MOST_SKIPPED_PAUSES), column)
                if (above, before) in best
                for cost in (
                    best[above, before][0]
                    + skipped_marks[row - 1]
                    - skipped_marks[above]
                    + skipped_pauses[column - 1]
                    - skipped_pauses[before]
                    + _APART * abs(voiced[column] - voiced[before] - expected[row] + expected[above]),
                )
            )
            found = min(options, default=None)
            if found is not None:
                best[row, column] = found
    ends = (
        (
            cost
            + skipped_marks[-1]
            - skipped_marks[row]
            + skipped_pauses[-1]
            - skipped_pauses[column]
            + _APART * abs(voiced[column] - expected[row]),
            (row, column),
        )
        for (row, column), (cost, _) in best.items()
    )
    at = min(ends)[1]
    matches = []
    while at != (0, 0):
        matches.append((marks[at[0] - 1], pauses[at[1] - 1]))
        at = best[at][1]
    return matches[::-1]
