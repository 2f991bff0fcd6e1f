"""Spreads the words of a text over the sound that says them, where nothing better is known."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from render_service.domain.speech.speech_time import pause_points
from render_service.speech.alignment.sound import FRAME, SAMPLE_RATE, Samples, voiced_spans

_WORD = re.compile(r"\S+")
# Scripts that are written without blanks: their characters are words.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
_VOWELS = frozenset("aeiouyæøœıаеёиоуыэюяіїєαεηιουω")
_DIGIT_SYLLABLES = 1.5
_LETTER_SYLLABLES = 0.4
"""Syllables of a letter of a script whose vowels are not known."""
_FRAMES_PER_SECOND = SAMPLE_RATE // FRAME

Span = tuple[int, int]
"""First frame, and the frame after the last."""


def estimated_words(text: str) -> tuple[str, ...]:
    """Return the words of a text in any language: what blanks separate, or the characters of scripts without blanks."""
    words: list[str] = []
    for match in _WORD.finditer(text):
        part = ""
        for character in match[0]:
            if unicodedata.name(character, "").startswith(_UNSPACED):
                words += [part, character]
                part = ""
            elif part or character.isalnum():
                part += character
        words.append(part)
    return tuple(word for word in words if any(map(str.isalnum, word)))


def spread_words(text: str, words: Sequence[str], samples: Samples) -> tuple[tuple[float, float], ...]:
    """Return when words are spoken, if all syllables take equally long and nothing is said in silence.

    Silences are matched with the ends of sentences and clauses, as captions do it that have no words: what a voice says
    before such a silence ends there, however fast it spoke.

    Args:
        text: The text.
        words: Its words, in order.
        samples: The sound at 16 kHz.

    Returns:
        Start and end of each word in seconds, ascending.
    """
    voiced = voiced_spans(samples) or [(0, max(1, round(samples.size / FRAME)))]
    found: list[tuple[float, float]] = []
    for part, spans in _parts(text, words, voiced):
        found += _spread(part, spans)
    return tuple(found)


def _parts(text: str, words: Sequence[str], voiced: list[Span]) -> Iterator[tuple[Sequence[str], list[Span]]]:
    """Yield the words between two ends of sentences or clauses that are heard, and where the sound is voiced there."""
    places = _places(text, words)
    if places is None:
        yield words, voiced
        return
    silences = [(one[1], other[0]) for one, other in pairwise(voiced)]
    points = pause_points(text, (voiced[0][0], voiced[-1][1]), silences, _FRAMES_PER_SECOND)
    taken = 0
    # Every second interval is a pause.
    for (_, start), (last_place, end) in zip(points[::2], points[1::2], strict=True):
        until = bisect_left(places, last_place) if last_place < len(text) else len(words)
        spans = [(max(first, start), min(last, end)) for first, last in voiced if first < end and last > start]
        yield words[taken:until], spans or [(start, end)]
        taken = until


def _places(text: str, words: Sequence[str]) -> list[int] | None:
    """Return where words begin in a text; None if one is not in it, in order."""
    places: list[int] = []
    position = 0
    for word in words:
        found = text.find(word, position)
        if found < 0:
            return None
        places.append(found)
        position = found + len(word)
    return places


def _spread(words: Sequence[str], spans: Sequence[Span]) -> Iterator[tuple[float, float]]:
    voiced = [0.0, *accumulate(float(last - first) for first, last in spans)]
    weights = [0.0, *accumulate(map(syllables, words))]
    per_syllable = voiced[-1] / weights[-1] if weights[-1] else 0.0

    def seconds(weight: float, *, is_end: bool) -> float:
        spoken = weight * per_syllable
        # What ends with a stretch of sound ends before the silence, what begins there begins after it.
        nudge = -1e-6 if is_end else 1e-6
        number = min(max(bisect_right(voiced, spoken + nudge) - 1, 0), len(spans) - 1)
        first, last = spans[number]
        return min(first + spoken - voiced[number], float(last)) / _FRAMES_PER_SECOND

    yield from ((seconds(first, is_end=False), seconds(last, is_end=True)) for first, last in pairwise(weights))


def syllables(word: str) -> float:
    """Return about how many syllables a word has; at least one."""
    count, after_vowel = 0.0, False
    for character in unicodedata.normalize("NFC", word.lower()):
        base = unicodedata.normalize("NFD", character)[0]
        category, name = unicodedata.category(character), unicodedata.name(character, "")
        is_vowel = base in _VOWELS
        if is_vowel and not after_vowel:
            count += 1
        elif category[0] == "N":
            count += _DIGIT_SYLLABLES
        elif category == "Lo" and name.startswith((*_UNSPACED, "HANGUL")):
            count += 1
        elif category[0] == "L" and not name.startswith(("LATIN", "CYRILLIC", "GREEK", *_UNSPACED)):
            count += _LETTER_SYLLABLES
        after_vowel = is_vowel
    return max(1.0, count)
