"""British voices read words as British dictionaries say, American voices as American ones."""

import pytest

from render_service.domain.speech.alphabet import ALPHABET
from render_service.domain.speech.lexicon import LexiconEntry
from render_service.speech.phonemes import pronounce

pytestmark = pytest.mark.speech


def signs(text: str, language: str, *entries: LexiconEntry) -> str:
    return "".join(one.signs for one in pronounce(text, language, entries).sounds)


@pytest.mark.parametrize(
    ("word", "american", "british"),
    [
        ("schedule", "skˈɛʤˌul", "ʃˈɛdjuːl"),
        ("bath", "bˈæθ", "bˈɑːθ"),
        ("wanted", "wˈɑntᵻd", "wˈɒntɪd"),
        ("goat", "ɡˈOt", "ɡˈQt"),
    ],
)
def test_a_word_is_read_as_in_the_voices_country(word: str, american: str, british: str) -> None:
    assert (signs(word, "en-US"), signs(word, "en-GB")) == (american, british)


@pytest.mark.parametrize(
    "text", ["The butter, wanted in Kubernetes, costs £3.50 on 5 May.", "Waiting at the zzyzx boat."]
)
def test_british_voices_get_signs_that_they_know(text: str) -> None:
    read = signs(text, "en-GB")
    assert set(read) <= set(ALPHABET)
    assert not set(read) & set("Oæɾᵻ")
    assert [one.word for one in pronounce(text, "en-GB", ()).sounds if one.word is not None]


def test_ipa_of_a_lexicon_is_spoken_with_british_signs() -> None:
    entry = LexiconEntry("Goa", ipa="ˈɡoʊə")
    assert "Q" in signs("Goa", "en-GB", entry)
    assert "O" in signs("Goa", "en-US", entry)
