"""When words are spoken, from what providers say about characters or words."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from render_service.domain.foreign_json import storable
from render_service.domain.projects.project import WordTiming
from render_service.domain.projects.validation import MAX_WORD
from render_service.domain.speech.respelling import RespelledText

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
    text = "".join(characters)
    # One entry may hold several characters, such as a letter with its accent.
    places = [place for place, entry in enumerate(characters) for _ in entry]
    words = ((found[0], starts[places[found.start()]], ends[places[found.end() - 1]]) for found in _WORD.finditer(text))
    return timed(words)


def in_original_words(
    text: RespelledText, characters: Sequence[str], starts: Sequence[float], ends: Sequence[float]
) -> tuple[WordTiming, ...] | None:
    """Return the times of the words of a text from those of the characters that were sent; see `words_of_characters`.

    None also if the characters are not those of the text that was sent.
    """
    if not text.changes:
        return words_of_characters(characters, starts, ends)
    if not len(characters) == len(starts) == len(ends) or "".join(characters) != text.sent:
        return None
    places = [place for place, entry in enumerate(characters) for _ in entry]
    if not _are_times([*starts, *ends]):
        return None
    times = text.original_times([starts[place] for place in places], [ends[place] for place in places])
    return words_of_characters(text.original, *times)


def as_original(text: RespelledText, words: tuple[WordTiming, ...] | None) -> tuple[WordTiming, ...] | None:
    """Return words of a text that was sent as those of the original; None if they are not found in it, in order."""
    if not text.changes or words is None:
        return words
    starts: list[float] = []
    ends: list[float] = []
    for word in words:
        first = text.sent.find(word.text, len(starts))
        if first < 0:
            return None
        start, end = word.start.total_seconds(), word.end.total_seconds()
        before = ends[-1] if ends else start
        starts += [before] * (first - len(starts))
        ends += [before] * (first - len(ends))
        step = (end - start) / len(word.text)
        starts += (start + step * place for place in range(len(word.text)))
        ends += (start + step * (place + 1) for place in range(len(word.text)))
    rest = len(text.sent) - len(starts)
    if any(map(str.isalnum, text.sent[len(starts) :])):
        return None
    last = ends[-1] if ends else 0.0
    return in_original_words(text, text.sent, [*starts, *[last] * rest], [*ends, *[last] * rest])


def timed(words: Iterable[tuple[str, float, float]]) -> tuple[WordTiming, ...] | None:
    """Return words with times in seconds; None if one is no time. Punctuation of its own joins the word before.

    Times are put in order: a word does not begin before the one before it, and does not end before it begins.
    """
    found: list[WordTiming] = []
    for written, start, end in words:
        if not _are_times((start, end)):
            return None
        text = storable(written)
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
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 36_000 for value in values
    )
