"""How words are read that voices would read otherwise: each as IPA or as a plain respelling."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from render_service.domain.speech.alphabet import ALPHABET
from render_service.domain.speech.han import is_han
from render_service.domain.speech.pinyin import pinyin_syllables
from render_service.domain.speech.readable import is_spoken, unreadable_characters
from render_service.domain.speech.voices import LANGUAGES, primary


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """How a word is read; exactly one of `ipa` and `respelling` is given.

    Args:
        word: The word as texts write it. Without capitals it stands for all cases, otherwise for its own.
        ipa: Its phonemes.
        respelling: A text that is read instead, such as `shi-VAWN`; for Chinese voices also pinyin, as `chong2 qing4`.
        language: BCP 47 tag of the language of the voices that read it so; empty for all.
    """

    word: str
    ipa: str = ""
    respelling: str = ""
    language: str = ""

    @property
    def is_phonetic(self) -> bool:
        """Whether it says how the word sounds, as IPA or pinyin, which only some voices can read."""
        return bool(self.ipa) or bool(pinyin_syllables(self.respelling))


Lexicon = tuple[LexiconEntry, ...]

# How people write in IPA what the voices' alphabet writes with a sign of its own, the longest first.
_ENGLISH: tuple[tuple[str, str], ...] = (
    *(("d͡ʒ", "ʤ"), ("t͡ʃ", "ʧ"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y")),
    *(("oʊ", "O"), ("əʊ", "Q"), ("ɝ", "ɜɹ"), ("ɫ", "l"), ("r", "ɹ")),
)
_CHINESE: tuple[tuple[str, str], ...] = (
    *(("ʈʂ", "ꭧ"), ("tʂ", "ꭧ"), ("tɕ", "ʨ"), ("ts", "ʦ"), ("ɻ̩", "ɨ"), ("ɹ̩", "ɨ"), ("z̩", "ɨ"), ("ʐ̩", "ɨ")),
    *(("˨˩˦", "↓"), ("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥˥", "→"), ("˥", "→")),
)
_EVERYWHERE = (("g", "ɡ"), ("'", "ˈ"), ("’", "ˈ"), (":", "ː"))
# Marks that the alphabet lacks and that change nothing in it: syllable breaks, ties, and what is not a syllable.
_IGNORED = str.maketrans("", "", "./[]|‿\u0361\u035c\u032f\u0329")


_PHONEMES = frozenset(ALPHABET) - frozenset(';:,.!?—…"()“”')


def phonemes_of(ipa: str, language: str) -> str:
    """Return IPA in the signs of the voices' alphabet; what that lacks is left as it is.

    Args:
        ipa: As people write it, also between slashes or brackets.
        language: BCP 47 tag of the language of the voice.
    """
    signs = unicodedata.normalize("NFC", ipa)
    for written, sign in (*(_CHINESE if primary(language) == "zh" else _ENGLISH), *_EVERYWHERE):
        signs = signs.replace(written, sign)
    return signs.translate(_IGNORED)


def entry_fault(entry: LexiconEntry) -> tuple[str, str] | None:
    """Return the part of an entry that no voice can read, `word`, `ipa` or `respelling`, and the fault in words."""
    languages = [entry.language] if entry.language else LANGUAGES
    if not entry.word.strip() or entry.word != " ".join(entry.word.split()):
        return "word", "must not be empty, nor have blanks around it or line breaks"
    if bool(entry.ipa) == bool(entry.respelling):
        return "ipa", "must be given where respelling is omitted, and omitted where it is given"
    if entry.respelling:
        return _respelling_fault(entry.respelling, languages)
    foreign = min((_foreign_signs(entry.ipa, language) for language in languages), key=len)
    if foreign:
        return "ipa", f"must be IPA that voices can speak; {', '.join(foreign)} is not in their alphabet"
    if not any(unicodedata.category(sign) in ("Ll", "Lu", "Lo") for sign in entry.ipa):
        return "ipa", "must have at least one phoneme"
    return None


def _respelling_fault(respelling: str, languages: Sequence[str]) -> tuple[str, str] | None:
    if not is_spoken(respelling):
        return "respelling", "must have a letter or a digit"
    unreadable = min((unreadable_characters(respelling, language) for language in languages), key=len)
    if unreadable:
        return "respelling", f"must be a text that voices can read, and they cannot read {', '.join(unreadable)}"
    return None


def _foreign_signs(ipa: str, language: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sign for sign in phonemes_of(ipa, language) if sign not in _PHONEMES))


def applying(lexicon: Lexicon, text: str, language: str) -> Lexicon:
    """Return the entries of a lexicon that change how a voice of a language reads a text, in order."""
    if not lexicon:
        return ()
    used = {entry for entry, _, _ in _index_for(lexicon, primary(language)).occurrences(text)}
    return tuple(entry for entry in lexicon if entry in used) if used else ()


def occurrences(lexicon: Sequence[LexiconEntry], text: str) -> Iterator[tuple[LexiconEntry, int, int]]:
    """Yield where the words of a lexicon stand in a text: the entry, its first character and the one after it.

    Words of letters are found where they stand alone, Han characters wherever they stand; the longest word is taken.

    Args:
        lexicon: Entries with different words.
        text: The text.
    """
    if lexicon:
        yield from _Index(lexicon).occurrences(text)


def without_words(lexicon: Sequence[LexiconEntry], text: str) -> str:
    """Return a text without the words of a lexicon."""
    kept, position = [], 0
    for _, first, last in occurrences(lexicon, text):
        kept.append(text[position:first])
        position = last
    return " ".join((*kept, text[position:]))


class _Index:
    """Finds words in a text at a cost that hardly depends on how many there are.

    Args:
        lexicon: Entries with different words.
    """

    def __init__(self, lexicon: Sequence[LexiconEntry]) -> None:
        self._exact: dict[str, LexiconEntry] = {}
        self._folded: dict[str, LexiconEntry] = {}
        lengths: dict[str, set[int]] = {}
        for entry in lexicon:
            folded = _fold(entry.word)
            if entry.word == entry.word.lower():
                self._folded.setdefault(folded, entry)
            else:
                self._exact[entry.word] = entry
            lengths.setdefault(folded[0], set()).add(len(folded))
        self._lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}
        """How long the words are that begin with a character, the longest first."""

    def occurrences(self, text: str) -> Iterator[tuple[LexiconEntry, int, int]]:
        """Yield where the words stand in a text; see the function of this name."""
        folded = _fold(text)
        position = 0
        while position < len(text):
            found = self._at(text, folded, position)
            if found is None:
                position += 1
                continue
            end = position + len(found.word)
            yield found, position, end
            position = end

    def _at(self, text: str, folded: str, start: int) -> LexiconEntry | None:
        lengths = self._lengths.get(folded[start])
        if lengths is None or (start and _joins(text[start]) and _is_letter(text[start - 1])):
            return None
        for end in (start + length for length in lengths):
            found = self._exact.get(text[start:end]) or self._folded.get(folded[start:end])
            # A slice at the end of the text may be shorter: its own length finds it.
            if found is not None and len(found.word) == end - start and _ends_word(text, end):
                return found
        return None


@lru_cache(maxsize=4)
def _index_for(lexicon: Lexicon, language: str) -> _Index:
    """Return the index of what a lexicon has for voices of a language; all narrations of a project share it."""
    fitting = [entry for entry in lexicon if not entry.language or primary(entry.language) == language]
    # What is given for the language takes precedence.
    fitting.sort(key=lambda entry: not entry.language)
    return _Index(tuple({entry.word: entry for entry in reversed(fitting)}.values()))


def _fold(text: str) -> str:
    """Return a text of the same length in which characters that differ only in case are equal."""
    return text.lower() if text.isascii() else "".join(map(_folded, text))


def _folded(character: str) -> str:
    upper = character.upper()
    return (upper if len(upper) == 1 else character).lower()[0]


def _joins(character: str) -> bool:
    return character.isalnum() and not is_han(character)


def _ends_word(text: str, end: int) -> bool:
    return end == len(text) or not _joins(text[end - 1]) or not _is_letter(text[end])


def _is_letter(character: str) -> bool:
    """Return whether a character continues a word of letters or digits; Chinese is written without blanks."""
    return character.isalnum() and not "\u3400" <= character <= "\u9fff"
