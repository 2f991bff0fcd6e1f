"""When words are spoken, from what providers say about characters or words."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from render_service.domain.projects.project import WordTiming
from render_service.domain.projects.validation import MAX_WORD

_ZERO = timedelta(0)
# Han characters and kana are words of their own, as captions light them; other words lie between blanks.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff々〇]|[^\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff々〇]+")


def words_of_characters(
    characters: Sequence[str], starts: Sequence[float], ends: Sequence[float]
) -> tuple[WordTiming, ...] | None:
    """Return the times of words from those of their characters.

    Args:
        characters: The text, one character each.
        starts: When each begins, in seconds.
        ends: When each ends, in seconds.

    Returns:
        The words with a letter or digit; None if the lists do not fit together or hold something else than times.
    """
    if not len(characters) == len(starts) == len(ends) or not _are_times([*starts, *ends]):
        return None
    # One entry may hold several characters, such as a letter with its accent.
    places = [place for place, entry in enumerate(characters) for _ in entry]
    words = (
        (found[0], starts[places[found.start()]], ends[places[found.end() - 1]])
        for found in _WORD.finditer("".join(characters))
    )
    return timed(words)


def timed(words: Iterable[tuple[str, float, float]]) -> tuple[WordTiming, ...] | None:
    """Return words with times in seconds; None if one is no time. Punctuation of its own joins the word before.

    Times are put in order: a word does not begin before the one before it, and does not end before it begins.
    """
    found: list[WordTiming] = []
    for text, start, end in words:
        if not _are_times((start, end)):
            return None
        if not any(map(str.isalnum, text)):
            if found and len(found[-1].text + text) <= MAX_WORD:
                last = found[-1]
                found[-1] = WordTiming(last.text + text.strip(), last.start, last.end)
            continue
        begins = max(timedelta(seconds=start), found[-1].start if found else _ZERO)
        found.append(WordTiming(text[:MAX_WORD], begins, max(begins, timedelta(seconds=end))))
    return tuple(found)


def _are_times(values: Iterable[object]) -> bool:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < 36_000
        for value in values
    )
