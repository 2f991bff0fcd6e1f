"""How words are read that voices would read otherwise: each as IPA or as a plain respelling."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    fitting = [entry for entry in lexicon if not entry.language or primary(entry.language) == primary(language)]
    # What is given for the language takes precedence.
    fitting.sort(key=lambda entry: not entry.language)
    first = {entry.word: entry for entry in reversed(fitting)}
    used = {entry for entry, _, _ in occurrences(tuple(first.values()), text)}
    return tuple(entry for entry in lexicon if entry in used)


def occurrences(lexicon: Sequence[LexiconEntry], text: str) -> Iterator[tuple[LexiconEntry, int, int]]:
    """Yield where the words of a lexicon stand in a text: the entry, its first character and the one after it.

    Words of letters are found where they stand alone, Han characters wherever they stand; the longest word is taken.

    Args:
        lexicon: Entries with different words.
        text: The text.
    """
    if not lexicon:
        return
    by_length = sorted(lexicon, key=lambda entry: (-len(entry.word), entry.word == entry.word.lower()))
    pattern = re.compile("|".join(f"(?P<e{number}>{_pattern(entry.word)})" for number, entry in enumerate(by_length)))
    for match in pattern.finditer(text):
        assert match.lastgroup is not None
        yield by_length[int(match.lastgroup[1:])], match.start(), match.end()


def without_words(lexicon: Sequence[LexiconEntry], text: str) -> str:
    """Return a text without the words of a lexicon."""
    kept, position = [], 0
    for _, first, last in occurrences(lexicon, text):
        kept.append(text[position:first])
        position = last
    return " ".join((*kept, text[position:]))


_LETTER = r"[^\W_\u3400-\u9fff]"


def _pattern(word: str) -> str:
    escaped = re.escape(word)
    before = f"(?<!{_LETTER})" if _joins(word[0]) else ""
    after = f"(?!{_LETTER})" if _joins(word[-1]) else ""
    case = "(?i:{})" if word == word.lower() else "{}"
    return before + case.format(escaped) + after


def _joins(character: str) -> bool:
    return character.isalnum() and not is_han(character)
