"""Every letter and digit of an accepted text is spoken; others are refused."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.domain.speech.han import is_han
from render_service.domain.speech.readable import unreadable_characters
from render_service.speech.phonemes import pronounce

pytestmark = pytest.mark.speech

LETTERS = tuple(
    character for character in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(character)[0] in "LN"
)
# All digits, and some of the letters: reading one takes 10 ms.
NUMBERS = tuple(letter for letter in LETTERS if unicodedata.category(letter)[0] == "N")
OTHERS = NUMBERS + tuple(letter for letter in LETTERS if letter.isalpha() and not is_han(letter))[::199]
HAN = tuple(letter for letter in LETTERS if is_han(letter))


def is_heard(character: str, language: str) -> bool:
    return any(any(map(str.isalpha, one.signs)) for one in pronounce(character, language).sounds)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_accepted_letter_and_digit_is_heard(language: str) -> None:
    accepted = [one for one in OTHERS if not unreadable_characters(one, language)]
    assert len(accepted) > 30
    assert [one for one in accepted if not is_heard(one, language)] == []


def test_every_accepted_han_character_is_heard() -> None:
    assert len(HAN) > 26_000
    assert [one for one in HAN[::23] if not is_heard(one, "zh")] == []


WORDS = st.text(st.sampled_from("〇々天佐木二12½²aBé "), max_size=6)


@settings(deadline=None)
@given(WORDS)
def test_every_word_of_an_accepted_text_is_heard(text: str) -> None:
    for language in ("en", "zh"):
        if not unreadable_characters(text, language):
            pronounced = pronounce(text, language)
            assert {one.word for one in pronounced.sounds} - {None} == set(range(len(pronounced.words)))
            shown = "".join(pronounced.words)
            assert [one for one in text if one.isalnum()] == [one for one in shown if one.isalnum()]
