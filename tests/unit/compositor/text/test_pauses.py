"""Without word times, cues change where the voice pauses."""

import random
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from render_service.compositor.captions.cues import plan_cues
from render_service.compositor.sound.pauses import PauseFinder
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts, Pause, pause
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, WordTiming
from render_service.domain.projects.timeline import plan_timeline
from render_service.domain.speech.speech_time import pause_points
from tests.unit.compositor.test_cues import ARABIC, CHINESE, ENGLISH

_ENDS = ".;,。，، ؛"


def _read(text: str, seed: int) -> tuple[list[tuple[int, float]], list[Pause], float]:
    """Read a text in an uneven voice; return when each clause begins, the pauses, and the length in seconds."""
    rng = random.Random(seed)
    now, pauses, begins, tempo = 0.3, [pause(0, 0.3)], [], 1.0
    begins.append((0, now))
    for position, character in enumerate(text):
        if character in ".;,。，،؛" and position + 1 < len(text):
            length = rng.uniform(0.2, 0.35) if character in ",，،" else rng.uniform(0.4, 0.8)
            pauses.append(pause(now, now + length))
            now += length
            begins.append((position + 1, now))
            tempo = rng.uniform(0.75, 1.3)
        elif character.isalnum():
            now += tempo * (0.16 if "\u4e00" <= character <= "\u9fff" else 0.065)
        elif character == " " and rng.random() < 0.03:
            pauses.append(pause(now, now + 0.18))  # a breath where nothing ends
            now += 0.18
    return begins, [*pauses, pause(now, now + 0.4)], now + 0.4


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, ARABIC, f"{ENGLISH} {ENGLISH}"])
@pytest.mark.parametrize("seed", range(5))
def test_a_cue_begins_with_the_voice_where_it_pauses(text: str, seed: int) -> None:
    begins, pauses, length = _read(text, seed)
    spec = RenderSpec(Project(shots=(Shot("s", narration=text),)), OutputSpec(1280, 720, 30, Quality.STANDARD))
    facts = MediaFacts(narration=timedelta(seconds=length), pauses=tuple(pauses))
    cues = plan_cues(plan_timeline(spec.project, 30, {"s": facts}), spec, {"s": facts.pauses})
    position, errors = 0, []
    for cue in cues:
        position = text.index(cue.text, position)
        exact = [at for place, at in begins if place <= position < place + 2 and place in (0, position, position - 1)]
        errors += [abs(cue.start / 30 - at) for at in exact]
        position += len(cue.text)
    assert len(errors) >= 2
    assert max(errors) <= 0.1


def test_a_voice_without_pauses_is_followed_by_its_letters() -> None:
    assert pause_points("One. Two.", (0, 60), [], 30) == [(0, 0), (9, 60)]


def test_pauses_where_no_sentence_ends_move_nothing_far() -> None:
    points = pause_points("abcdefghij klmnopqrst", (0, 100), [(40, 50)], 30)
    assert points == [(0, 0), (21, 100)]


def test_word_times_are_followed_rather_than_pauses() -> None:
    words = tuple(
        WordTiming(word, timedelta(seconds=n), timedelta(seconds=n + 0.9)) for n, word in enumerate(("One", "two"))
    )
    shot = Shot("s", caption="One two", words=words)
    spec = RenderSpec(Project(shots=(shot,)), OutputSpec(1280, 720, 30, Quality.STANDARD))
    facts = MediaFacts(narration=timedelta(seconds=3))
    timeline = plan_timeline(spec.project, 30, {"s": facts})
    assert plan_cues(timeline, spec, {"s": (pause(0, 0.7),)}) == plan_cues(timeline, spec)


def test_long_narrations_are_matched_in_bounded_time() -> None:
    text = "Word, " * 660
    pauses = [(n * 30 + 20, n * 30 + 30) for n in range(5000)]
    assert len(pause_points(text, (0, 150_000), pauses, 30)) > 2


def _voice(parts: Sequence[tuple[float, float]], noise: float) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """Return a voice as stretches of seconds at an amplitude, over noise."""
    rng = np.random.default_rng(1)
    levels = np.concatenate([np.full(round(seconds * 48_000), level) for seconds, level in parts])
    samples = levels * np.sin(np.arange(levels.size) * 0.03) + noise * rng.standard_normal(levels.size)
    return np.stack((samples, samples)).astype(np.float32)


@pytest.mark.parametrize(("loudness", "noise"), [(0.5, 0.0), (0.5, 0.003), (0.02, 0.0001), (0.5, 0.02)])
@pytest.mark.parametrize("block", [1, 997, 48_000])
def test_the_pauses_of_a_voice_are_found_at_any_loudness(loudness: float, noise: float, block: int) -> None:
    if block == 1:
        block = 100_000_000
    sound = _voice([(0.5, 0.0), (1.0, loudness), (0.05, 0.0), (1.0, loudness), (0.4, 0.0), (2.0, loudness)], noise)
    finder = PauseFinder()
    for start in range(0, sound.shape[1], block):
        finder.add(sound[:, start : start + block])
    found = finder.pauses()
    wanted = [(0.0, 0.5), (2.55, 2.95)]
    assert len(found) == len(wanted)
    for one, (begins, ends) in zip(found, wanted, strict=True):
        assert one.start.total_seconds() == pytest.approx(begins, abs=0.02)
        assert one.end.total_seconds() == pytest.approx(ends, abs=0.02)


def test_silence_and_nothing_have_no_pauses() -> None:
    finder = PauseFinder()
    assert finder.pauses() == ()
    finder.add(np.zeros((2, 48_000), np.float32))
    assert finder.pauses() == ()
