"""Texts are spoken, and every word has its time."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import VOICES
from render_service.speech import synthesis
from render_service.speech.installation import (
    VOICE_BYTES,
    Installation,
    SpeechNotInstalled,
    find_installation,
)
from render_service.speech.kokoro import Samples
from render_service.speech.phonemes import Sounds, pronounce, sentences
from render_service.speech.voice_archive import install_voices
from tests.unit.speech.conftest import Speaker, Spoken

pytestmark = pytest.mark.speech

ENGLISH = "In 1887, it cost $4.50!"


@pytest.fixture(scope="module")
def english(speaker: Speaker) -> Spoken:
    return speaker.speak(ENGLISH, "af_heart")


def test_every_word_has_its_time_in_order_and_within_the_sound(english: Spoken) -> None:
    assert [word.text for word in english.words] == ["In", "1887", "it", "cost", "$4.50"]
    edges = [edge.total_seconds() for word in english.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < 0.1
    assert english.seconds - 0.4 < edges[-1] <= english.seconds


def test_a_word_is_heard_while_its_time_lasts(english: Spoken) -> None:
    loudness = float(np.sqrt(np.mean(np.square(english.samples))))
    for word in english.words:
        first, last = (round(edge.total_seconds() * 24_000) for edge in (word.start, word.end))
        assert float(np.abs(english.samples[first:last]).max()) > loudness, word.text


def test_speech_begins_and_ends_at_once_and_without_a_click(english: Spoken) -> None:
    assert english.samples[0] == english.samples[-1] == 0
    loud = np.flatnonzero(np.abs(english.samples) > 0.02)
    assert loud[0] < 0.15 * 24_000
    assert english.samples.size - loud[-1] < 0.25 * 24_000


def test_the_same_text_gives_the_same_sound_and_a_higher_speed_a_shorter_one(speaker: Speaker) -> None:
    one, other = (speaker.speak("Hi", "af_heart", 2.0) for _ in range(2))
    assert np.array_equal(one.samples, other.samples)
    assert one.words == other.words
    slow = speaker.speak("Hi", "af_heart", 1.0)
    # The silence around it stays the same.
    assert one.seconds < 0.8 * slow.seconds
    assert one.words[-1].end < 0.75 * slow.words[-1].end


def test_chinese_is_spoken_word_by_word(speaker: Speaker) -> None:
    assert [word.text for word in speaker.speak("高42米。", "zf_xiaobei").words] == ["高", "42", "米"]


def test_a_long_text_is_spoken_in_parts_none_of_which_is_too_long() -> None:
    text = "This is a sentence of some length, with a clause in it. " * 12 + "word " * 60 + "x" * 9
    sounds = pronounce(text, "en").sounds
    parts = list(sentences(sounds, 240))
    assert len(parts) > 3
    assert all(sum(len(one.signs) for one in part) <= 240 for part in parts)
    assert [one for part in parts for one in part if one.word is not None] == [
        one for one in sounds if one.word is not None
    ]


def test_every_breath_is_reported(speaker: Speaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Quick:
        def speak(self, signs: str, _voice: str, _speed: float) -> tuple[Samples, list[float]]:
            return np.ones(24_000, np.float32), [0.1] * (len(signs) + 2)

    monkeypatch.setattr(synthesis, "_model", lambda _: Quick())
    reports: list[None] = []
    request = SpeechRequest("This is a sentence of some length, with a clause in it. " * 12, "af_heart", 1.0)
    words = synthesis.speak(request, speaker.installation, tmp_path / "speech.wav", reports.append)
    assert len(reports) > 2
    assert len(words) == 12 * 12


def test_a_word_that_is_longer_than_a_part_is_cut_and_not_dropped() -> None:
    parts = list(sentences((Sounds("a" * 600, 0),), 240))
    assert [one.word for part in parts for one in part] == [0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dr. Lee’s boat — built in 2006 — sank.", ["Dr.", "Lee’s", "boat", "built", "in", "2006", "sank."]),
        ("one\ntwo", ["one", "two"]),
        ("20 °C & 5 km", ["20 °C", "&", "5 km"]),
        ("🎉 Hi 🎉", ["Hi"]),
    ],
)
def test_words_are_returned_as_they_are_written(text: str, words: list[str]) -> None:
    pronounced = pronounce(text, "en")
    assert list(pronounced.words) == words
    assert {one.word for one in pronounced.sounds} - {None} == set(range(len(words)))


def test_latin_words_in_a_chinese_text_are_words_too() -> None:
    pronounced = pronounce("AI时代的GPU很贵。", "zh")
    assert pronounced.words == ("AI", "时代", "的", "GPU", "很", "贵")
    assert {one.word for one in pronounced.sounds} - {None} == set(range(6))


def test_a_model_that_is_another_one_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "model.onnx"
    wrong.write_bytes(b"no model")
    with pytest.raises(SpeechNotInstalled, match="not the model with the SHA-256"):
        Installation((wrong,), tmp_path).read_model()
    with pytest.raises(SpeechNotInstalled, match="there is no file"):
        find_installation(tmp_path / "absent.onnx", None)
    with pytest.raises(SpeechNotInstalled, match="install-voices"):
        find_installation(None, tmp_path)


def test_voices_that_are_missing_or_cut_off_are_named(tmp_path: Path) -> None:
    for voice in VOICES:
        with (tmp_path / f"{voice.id}.bin").open("wb") as file:
            file.truncate(VOICE_BYTES)
    assert find_installation(None, tmp_path).voices == tmp_path
    (tmp_path / "af_heart.bin").unlink()
    (tmp_path / "zm_yunxi.bin").write_bytes(b"cut off")
    with pytest.raises(SpeechNotInstalled, match="lacks the voices af_heart, zm_yunxi; run `render-service install-v"):
        find_installation(None, tmp_path)


def test_voices_come_only_from_the_archive_that_is_pinned(tmp_path: Path) -> None:
    archive = tmp_path / "voices.tgz"
    archive.write_bytes(b"another archive")
    with pytest.raises(SpeechNotInstalled, match="not the archive of kokoro-js"):
        install_voices(archive, tmp_path / "voices")
    assert not (tmp_path / "voices").exists()


def test_the_times_of_words_are_whole_milliseconds(english: Spoken) -> None:
    assert all(word.start % timedelta(milliseconds=1) == timedelta(0) for word in english.words)
