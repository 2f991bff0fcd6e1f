"""Voices are found by name, and texts that they cannot read are refused by name."""

import pytest

from render_service.domain.speech.readable import guess_language, is_spoken, unreadable_characters
from render_service.domain.speech.requests import SpeechFault, SpeechRequest, plan_speech, voice_fault
from render_service.domain.speech.voices import VOICES, default_voice, nearest_voices


def test_every_voice_has_a_sample_that_it_can_read() -> None:
    assert len({voice.id for voice in VOICES}) == len(VOICES) == 36
    for voice in VOICES:
        assert plan_speech(voice.sample_text, voice.id, voice.language, 1.0) == SpeechRequest(
            voice.sample_text, voice.id, 1.0
        )


@pytest.mark.parametrize(
    ("text", "language"),
    [("Hello", "en"), ("灯塔", "zh"), ("用 GPU 渲染", "zh"), ("ひらがなと漢字", "en"), ("123", "en"), ("", "en")],
)
def test_the_language_of_a_text_is_guessed_by_its_letters(text: str, language: str) -> None:
    assert guess_language(text) == language


@pytest.mark.parametrize(
    ("text", "voice", "language", "chosen"),
    [
        ("Hello", "", "", "af_heart"),
        ("灯塔", "", "", "zf_xiaobei"),
        ("灯塔", "", "zh-Hans", "zf_xiaobei"),
        ("Hello", "am_puck", "en-GB", "am_puck"),
        ("Hello", "", "en-GB", "bf_emma"),
        ("Hello", "", "en-US", "af_heart"),
        ("用 GPU 渲染", "zm_yunxi", "", "zm_yunxi"),
    ],
)
def test_a_voice_is_chosen_by_name_or_by_language(text: str, voice: str, language: str, chosen: str) -> None:
    assert plan_speech(text, voice, language, 1.0) == SpeechRequest(text, chosen, 1.0)


@pytest.mark.parametrize(
    ("text", "voice", "language", "part", "said"),
    [
        ("Hello", "af_hart", "", "voice", "did you mean af_heart"),
        ("Hello", "Heart", "", "voice", "did you mean af_heart"),
        ("Hello", "qqqqqqqq", "", "voice", "ListVoices"),
        ("Hello", "x" * 65, "", "voice", "at most 64"),
        ("Bonjour", "", "fr", "language", "no voice speaks fr"),
        ("Hello", "af_heart", "zh", "language", "such as zf_xiaobei"),
        ("Hello", "af_heart", "de", "language", "voices speak en, zh"),
        ("灯塔 is a lighthouse", "af_heart", "", "text", "cannot read 灯, 塔"),
        ("Привет", "", "", "text", "П, р, и, в, е, т"),
        ("カタカナ", "", "zh", "text", "カ, タ, ナ"),
        ("١٢", "", "", "text", "١, ٢"),
        ("𠮷野家", "", "", "text", "cannot read 𠮷;"),
        ("a々", "zf_xiaobei", "", "text", "cannot read 々;"),
    ],
)
def test_what_cannot_be_spoken_is_refused_by_name(text: str, voice: str, language: str, part: str, said: str) -> None:
    fault = plan_speech(text, voice, language, 1.0)
    assert isinstance(fault, SpeechFault)
    assert fault.part == part
    assert said in fault.description


def test_what_is_not_read_is_never_in_the_way() -> None:
    assert unreadable_characters("Hello 🎉 — “naïve” ½ ² ™ Ａ", "en-US") == ()
    assert unreadable_characters("你好，世界！〇 🎉", "zh-CN") == ()
    assert not is_spoken("… 🎉 —")
    assert is_spoken("7")


def test_no_fault_names_more_than_ten_characters() -> None:
    assert len(unreadable_characters("".join(map(chr, range(0x410, 0x450))), "en-US")) == 10


def test_a_name_without_its_prefix_finds_its_voice() -> None:
    assert nearest_voices("xiaoxiao")[0] == "zf_xiaoxiao"
    assert voice_fault("") is None
    assert default_voice("en-AU") is not None
