"""What a recogniser hears becomes words within the sound, in the script that the language asks for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from render_service.domain.projects.word_times import LONGEST_ALIGNED, RecognitionGap, RecognizedText
from render_service.domain.speech.scripts import ChineseScript, chinese_script, recognized_language
from render_service.speech.alignment.sound import SAMPLE_RATE, Samples
from render_service.speech.recognition import recognize as recognition
from render_service.speech.recognition.model import RecognitionModel, RecognitionNotInstalled
from render_service.speech.recognition.recognize import Heard, Segment, recognize


@dataclass
class FakeWord:
    word: str
    start: float
    end: float


@dataclass
class FakeSegment:
    words: Sequence[FakeWord] | None
    no_speech_prob: float = 0.0
    avg_logprob: float = -0.2
    compression_ratio: float = 1.2


def hear(
    *segments: Segment, language: str = "", detected: str = "en", seconds: float = 4, certainty: float = 1.0
) -> RecognizedText:
    taken: list[int] = []

    def listen(samples: Samples, asked: str) -> Heard:
        assert asked == recognized_language(language)
        taken.append(samples.size)
        return Heard(segments, asked or detected, certainty)

    heard = recognize(np.zeros(round(seconds * SAMPLE_RATE), np.float32), language, listen)
    assert taken[0] <= LONGEST_ALIGNED * SAMPLE_RATE
    return heard


def test_words_and_text_are_what_was_heard() -> None:
    heard = hear(
        FakeSegment([FakeWord(" The", 0.0, 0.2), FakeWord(" sun.", 0.2, 0.7)]), FakeSegment([FakeWord(" Up", 1, 2)])
    )
    assert heard.text == "The sun. Up"
    assert [(word.text, word.start.total_seconds(), word.end.total_seconds()) for word in heard.words] == [
        ("The", 0.0, 0.2),
        ("sun.", 0.2, 0.7),
        ("Up", 1.0, 2.0),
    ]
    assert heard.gap is None


def test_words_stay_in_order_and_within_the_sound() -> None:
    words = [FakeWord(" a", 3.0, 2.0), FakeWord(" b", 1.0, 9.0), FakeWord(" c", 8.0, 9.0), FakeWord(" ", 9.0, 9.0)]
    heard = hear(FakeSegment(words))
    assert [word.text for word in heard.words] == ["a", "b", "c"]
    assert all(word.start < word.end for word in heard.words)
    assert all(before.start <= after.start for before, after in pairwise(heard.words))
    assert heard.words[-1].end.total_seconds() <= 4.0


def test_the_silence_beside_a_word_is_not_part_of_it() -> None:
    sound = np.zeros(4 * SAMPLE_RATE, np.float32)
    for first, last in ((0.5, 1.2), (2.0, 3.0)):
        sound[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)] = 0.5
    words = [
        FakeWord(" Good", 0.1, 0.8),
        FakeWord(" night,", 0.8, 1.7),
        FakeWord(" moon", 1.7, 3.5),
        FakeWord(" !", 3.5, 3.6),
    ]
    heard = recognize(sound, "en", lambda *_: Heard([FakeSegment(words)], "en"))
    assert [(word.start.total_seconds(), word.end.total_seconds()) for word in heard.words] == [
        (0.5, 0.8),
        (0.8, 1.2),
        (2.0, 3.0),
        (3.5, 3.6),
    ]


@pytest.mark.parametrize(
    "invented",
    [
        FakeSegment([FakeWord(" Thanks for watching", 0, 2)], no_speech_prob=0.9, avg_logprob=-1.4),
        FakeSegment([FakeWord(" I'm sorry, I'm sorry, I'm sorry", 0, 2)], compression_ratio=3.1),
    ],
)
def test_what_is_made_up_without_speech_is_left_out_and_reported(invented: FakeSegment) -> None:
    heard = hear(invented, FakeSegment([FakeWord(" Hello", 2, 3)]))
    assert (heard.text, heard.gap) == ("Hello", RecognitionGap.UNCLEAR)
    assert hear(invented) == RecognizedText("", (), RecognitionGap.UNCLEAR)


def test_a_sound_without_speech_has_no_text() -> None:
    assert hear(FakeSegment(None)) == hear() == RecognizedText("", (), RecognitionGap.NO_SPEECH)


def test_a_part_after_the_end_of_the_sound_has_no_text() -> None:
    def listen(samples: Samples, asked: str) -> Heard:
        raise AssertionError("nothing is heard")

    silent = RecognizedText("", (), RecognitionGap.NO_SPEECH)
    assert recognize(np.zeros(0, np.float32), "en", listen) == silent


def test_a_language_that_is_hardly_detected_is_unknown() -> None:
    spoken = FakeSegment([FakeWord(" Hello", 2, 3)])
    assert hear(spoken, certainty=0.3) == RecognizedText("", (), RecognitionGap.UNKNOWN_LANGUAGE)
    assert hear(spoken, certainty=0.9).text == "Hello"


def test_a_sound_that_is_too_long_is_heard_in_part() -> None:
    heard = hear(FakeSegment([FakeWord(" Hello", 2, 3)]), seconds=LONGEST_ALIGNED + 1)
    assert (heard.text, heard.gap) == ("Hello", RecognitionGap.TOO_LONG)


def test_chinese_has_its_own_punctuation_and_whole_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "_converter", lambda _: str)
    pieces = ("有", "11", "2", "级,", "iPh", "one", "响了.", " OK,", "好")
    segment = FakeSegment([FakeWord(piece, 0.1 * place, 0.1 * place + 0.1) for place, piece in enumerate(pieces)])
    for language in ("zh", "cmn-Hans", "und"):
        heard = hear(segment, language=language, detected="zh")
        assert heard.text == "有112级，iPhone响了。 OK,好"
        assert [word.text for word in heard.words] == ["有", "112", "级，", "iPhone", "响了。", "OK,", "好"]


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en-GB", "en"),
        ("zh-Hant", "zh"),
        ("yue", "zh"),
        ("nb", "no"),
        ("und", ""),
        ("", ""),
        ("tlh", None),
        ("x-a", None),
    ],
)
def test_a_tag_names_a_language_of_the_recogniser(tag: str, language: str | None) -> None:
    assert recognized_language(tag) == language


@pytest.mark.parametrize(
    ("language", "script"),
    [
        ("zh", ChineseScript.SIMPLIFIED),
        ("zh-CN", ChineseScript.SIMPLIFIED),
        ("zh-Hant", ChineseScript.TRADITIONAL),
        ("zh-Hant-CN", ChineseScript.TRADITIONAL),
        ("zh-TW", ChineseScript.TAIWAN),
        ("zh-Hant-TW", ChineseScript.TAIWAN),
        ("zh-Hans-TW", ChineseScript.SIMPLIFIED),
        ("zh-HK", ChineseScript.HONG_KONG),
        ("yue", ChineseScript.HONG_KONG),
        ("ja", None),
        ("", None),
    ],
)
def test_the_language_decides_the_script(language: str, script: ChineseScript | None) -> None:
    assert chinese_script(language) is script


def test_a_model_that_is_missing_or_another_is_refused(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes(b"{}")
    weights = tmp_path / "model.bin.part1"
    packaged = RecognitionModel((weights,), tmp_path)
    with pytest.raises(RecognitionNotInstalled, match=r"model\.bin\.part1: No such file"):
        packaged.read()
    weights.write_bytes(b"another")
    with pytest.raises(RecognitionNotInstalled, match="not the model with the SHA-256"):
        packaged.read()
    own = RecognitionModel((weights,), tmp_path, hashlib.sha256(b"another").hexdigest())
    assert own.read()["model.bin"] == b"another"
