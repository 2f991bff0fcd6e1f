"""The words of a known text are found in a sound that says it."""

import statistics
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from render_service.domain.projects.word_times import AlignedText, TimingMethod
from render_service.speech.alignment import align as alignment
from render_service.speech.alignment.align import align
from render_service.speech.alignment.estimate import estimated_words, spread_words, syllables
from render_service.speech.alignment.sound import SAMPLE_RATE, Samples, covered_part, resample, voiced_spans
from render_service.speech.alignment.warping import warp
from render_service.speech.installation import Installation
from tests.unit.speech.conftest import Speaker, Spoken

NOTHING = Installation((), Path("no-voices"))


def tone(*stretches: tuple[float, float]) -> Samples:
    """Return stretches of sound, each with its seconds and its amplitude."""
    parts = [np.sin(np.arange(round(seconds * SAMPLE_RATE)) / 9) * loud for seconds, loud in stretches]
    return np.concatenate(parts).astype(np.float32)


def errors(aligned: AlignedText, spoken: Spoken) -> list[float]:
    assert [word.text for word in aligned.words] == [word.text for word in spoken.words]
    pairs = zip(aligned.words, spoken.words, strict=True)
    return [1000 * abs((one.start - other.start).total_seconds()) for one, other in pairs]


@pytest.mark.speech
def test_english_words_are_found_by_the_acoustic_model(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Siobhan paid $4 in 1887."
    spoken = speaker.speak(text, "am_michael")
    sound = np.concatenate([np.zeros(12_000, np.float32), spoken.samples]).astype(np.float32)
    aligned = align(text, sound, "en-US", NOTHING, sample_rate=24_000)
    assert aligned.method is TimingMethod.ACOUSTIC
    late = timedelta(seconds=0.5)
    moved = Spoken(spoken.samples, tuple(type(word)(word.text, word.start + late, word.end) for word in spoken.words))
    assert statistics.median(errors(aligned, moved)) <= 60
    # Words that leave out half of what is heard must also be like our own reading.
    said = spoken.samples.astype(np.float32)
    monkeypatch.setattr(alignment, "find_words", lambda *_: {0: (0.0, 0.5)})
    for reading, method in ((said, TimingMethod.ACOUSTIC), (said[::-1].copy(), TimingMethod.ESTIMATE)):
        monkeypatch.setattr(alignment, "synthesize", lambda *_, heard=reading: (heard, spoken.words))
        assert align(text, said, "en", NOTHING, sample_rate=24_000).method is method


def test_silence_between_words_does_not_count_as_left_out() -> None:
    sound = tone((1, 0.5), (2, 0.0), (1, 0.5))
    assert covered_part([(0.0, 1.0), (3.0, 4.0)], sound) > 0.97
    assert covered_part([(3.0, 4.0)], sound) == pytest.approx(0.5, abs=0.03)
    assert covered_part([], np.zeros(0, np.float32)) == 1.0


@pytest.mark.speech
def test_chinese_words_are_found_by_comparison_with_our_own_reading(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "灯塔照亮归途。"
    spoken = speaker.speak(text, "zm_yunxi", 1.2)
    aligned = align(text, spoken.samples.astype(np.float32), "zh-Hans", speaker.installation, sample_rate=24_000)
    assert aligned.method is TimingMethod.COMPARISON
    assert statistics.median(errors(aligned, spoken)) <= 45
    # A sound as long that says something else: the same, backwards.
    monkeypatch.setattr(alignment, "synthesize", lambda *_: (spoken.samples.astype(np.float32), spoken.words))
    backwards = align(text, spoken.samples[::-1].astype(np.float32), "zh", NOTHING, sample_rate=24_000)
    assert backwards.method is TimingMethod.ESTIMATE
    # Nothing is like a minute of the same tone.
    monkeypatch.setattr(alignment, "synthesize", lambda *_: (np.zeros(24_000, np.float32), spoken.words))
    other = align(text, tone((20, 0.5)), "zh", NOTHING)
    assert other.method is TimingMethod.ESTIMATE


def test_words_of_other_languages_are_estimated_and_none_lies_in_silence() -> None:
    sound = tone((0.3, 0), (1, 0.5), (1, 0), (1, 0.5), (0.3, 0))
    aligned = align("Один два три четыре", sound, "ru", NOTHING)
    assert aligned.method is TimingMethod.ESTIMATE
    starts = [word.start.total_seconds() for word in aligned.words]
    assert [word.text for word in aligned.words] == ["Один", "два", "три", "четыре"]
    assert starts == sorted(starts)
    assert all(0.29 <= start < 1.31 or 2.29 <= start < 3.31 for start in starts)
    assert aligned.words[-1].end.total_seconds() <= sound.size / SAMPLE_RATE


@pytest.mark.parametrize("sound", [np.zeros(0, np.float32), np.zeros(16_000, np.float32), tone((0.005, 0.1))])
def test_silence_and_nothing_at_all_give_words_in_order(sound: Samples) -> None:
    aligned = align("Eins zwei drei", sound, "de", NOTHING)
    assert [word.text for word in aligned.words] == ["Eins", "zwei", "drei"]
    assert all(one.start <= other.start for one, other in pairwise(aligned.words))
    assert all(timedelta(0) <= word.start < word.end for word in aligned.words)


def test_a_sound_of_more_than_ten_minutes_is_only_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "LONGEST_ALIGNED", 1)
    assert align("One two", tone((1.5, 0.5)), "en", NOTHING).method is TimingMethod.ESTIMATE


def test_characters_of_scripts_without_blanks_are_words_and_syllables_are_counted() -> None:
    assert estimated_words("«Bonjour», 東京タワー!") == ("Bonjour»,", "東", "京", "タ", "ワ", "ー")
    assert [syllables(word) for word in ("Bonjour", "été", "rhythm", "塔", "한국")] == [2, 2, 1, 1, 2]


def test_spread_words_share_the_time_of_what_is_heard_by_their_syllables() -> None:
    spans = spread_words("na banana", ["na", "banana"], tone((0.5, 0), (2, 0.5)))
    assert spans[0] == pytest.approx((0.5, 1.0), abs=0.02)
    assert spans[1] == pytest.approx((1.0, 2.5), abs=0.02)
    assert voiced_spans(tone((0.5, 0), (1, 0.5), (0.05, 0), (1, 0.5), (0.3, 0))) == [(50, 255)]


def test_estimates_follow_the_pauses_at_the_ends_of_sentences() -> None:
    # The first sentence is spoken faster than the second, and a breath is drawn where nothing ends.
    sound = tone((0.2, 0), (1, 0.5), (0.5, 0), (0.9, 0.5), (0.15, 0), (0.7, 0.5), (0.4, 0), (0.3, 0.5), (0.2, 0))
    aligned = align("Ra ra ra ra ra ra. Da da da da da da: ne.", sound, "ru", NOTHING)
    starts = {word.text: word.start.total_seconds() for word in reversed(aligned.words)}
    assert starts["Da"] == pytest.approx(1.7, abs=0.03)
    assert starts["ne."] == pytest.approx(3.85, abs=0.03)


def test_a_stretched_sound_is_warped_to_its_original() -> None:
    generator = np.random.default_rng(1)
    one = np.repeat(generator.normal(size=(40, 26)), 10, axis=0).astype(np.float32)
    lengths = np.where(np.arange(40) < 20, 5, 20)
    other = np.repeat(one[::10], lengths, axis=0)
    path = warp(one, other)
    edges = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    assert np.abs(path[4::10] - edges - lengths / 2).max() <= 8
    assert (np.diff(path) >= 0).all()


def test_a_sound_is_resampled_to_16_khz() -> None:
    made = resample(np.sin(np.arange(24_000) / 50).astype(np.float32), 24_000)
    assert abs(made.size - 16_000) <= 32
