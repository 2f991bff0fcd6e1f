"""Spoken narrations are played faster or slower, at the same pitch, before a video gets silence or another length."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sounds import decode_sound
from render_service.compositor.sound.tempo import FASTEST, SLOWEST, at_tempo, change_tempo, decide_tempo
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import (
    NarrationPolicy,
    Pacing,
    Project,
    Shot,
    Transition,
    TransitionKind,
    WordTiming,
)
from render_service.domain.projects.timeline import plan_timeline
from tests.integration.compositor.mixes import RATE, tone
from tests.integration.compositor.oracle import write_sound

FPS = 25
CUT = Transition(TransitionKind.CUT)
NO_PAUSES = Pacing(timedelta(0), timedelta(0))


def told(narrations: list[float], target: float | None, policy: NarrationPolicy = NarrationPolicy.EXTEND) -> Project:
    shots = tuple(Shot(f"s{number}", narration="Hello", transition=CUT) for number in range(len(narrations)))
    duration = timedelta(seconds=target) if target is not None else None
    return Project(shots=shots, target_duration=duration, narration_policy=policy, pacing=NO_PAUSES)


def facts_of(narrations: list[float], tempo: float = 1) -> dict[str, MediaFacts]:
    lengths = (timedelta(seconds=seconds / tempo) for seconds in narrations)
    return {f"s{number}": MediaFacts(narration=length) for number, length in enumerate(lengths)}


def decided(project: Project, narrations: list[float]) -> float:
    return decide_tempo(project, FPS, facts_of(narrations), {}, {shot.id for shot in project.shots})


@pytest.mark.parametrize(
    ("narrations", "target", "tempo"),
    [
        ([5, 5], 10, 1),
        ([5, 5], 10.5, 0.96),  # 9.5 % longer at 0.952
        ([5, 5], 9.5, 1.06),
        ([5, 5], 30, SLOWEST),  # the rest is silence
        ([5, 5], 6, FASTEST),  # the rest makes the video longer
        ([6, 2], 10, FASTEST),  # 6 s in 5
        ([5, 5], None, 1),
    ],
)
def test_the_voice_is_as_slow_as_the_target_allows(narrations: list[float], target: float | None, tempo: float) -> None:
    project = told(narrations, target)
    assert decided(project, narrations) == pytest.approx(tempo)


@pytest.mark.parametrize("policy", list(NarrationPolicy))
def test_nothing_is_cut_that_a_faster_voice_can_say(policy: NarrationPolicy) -> None:
    project, narrations = told([5, 3], 9, policy), [5.0, 3.0]
    tempo = decided(project, narrations)
    assert tempo == pytest.approx(1.12)  # 5 s in 4.5
    assert plan_timeline(project, FPS, facts_of(narrations, tempo)).frames == 9 * FPS


@pytest.mark.parametrize(
    ("policy", "narration", "dub", "tempo"),
    [
        (NarrationPolicy.EXTEND, 11, 11, 1.1),
        (NarrationPolicy.EXTEND, 8, 11, 1.1),  # the longest decides how long the shot is
        (NarrationPolicy.TRIM, 9.5, 11, 1.1),  # no track is cut
        (NarrationPolicy.TRIM, 9.5, 9, 0.95),
    ],
)
def test_all_languages_have_one_tempo_and_none_is_cut(
    policy: NarrationPolicy, narration: float, dub: float, tempo: float
) -> None:
    project = told([narration], 10, policy)
    lengths = timedelta(seconds=narration), timedelta(seconds=dub)
    facts = {"s0": MediaFacts(narration=lengths[0], dubs=(lengths[1], None))}
    assert decide_tempo(project, FPS, facts, {}, {"s0"}, dubbed={"s0"}) == pytest.approx(tempo)
    # A recording stays as it is, also where its translations are spoken.
    assert decide_tempo(project, FPS, facts, {}, set(), dubbed={"s0"}) <= FASTEST


def test_a_voice_whose_tempo_gains_nothing_and_a_recording_stay_as_they_are() -> None:
    project, narrations = told([5, 1], 6), [5.0, 1.0]
    facts = facts_of(narrations)
    assert decide_tempo(project, FPS, facts, {}, {"s1"}) == 1
    assert decide_tempo(project, FPS, facts, {}, set()) == 1


@pytest.mark.parametrize("tempo", [SLOWEST, 1.07, FASTEST])
def test_a_sound_gets_another_length_at_the_same_pitch(tempo: float, tmp_path: Path) -> None:
    source, target = write_sound(tmp_path / "in.wav", tone(2, 220)), tmp_path / "out.flac"
    change_tempo(Asset(source, "narration"), tempo, target)
    sound = np.concatenate(list(decode_sound(Asset(target, "narration"))), axis=1)
    assert sound.shape[1] / RATE == pytest.approx(2 / tempo, abs=0.02)
    # Never longer than planned: the video would get a frame more.
    assert sound.shape[1] / RATE <= 2 / tempo
    middle = sound[0, RATE // 2 : RATE // 2 + RATE]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(RATE)))
    assert int(spectrum.argmax()) == pytest.approx(220, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.3, abs=0.03)


def test_words_keep_to_their_sound() -> None:
    words = at_tempo((WordTiming("a", timedelta(0), timedelta(seconds=1)),) * 2, 1.25)
    assert {word.end for word in words} == {timedelta(seconds=0.8)}
    assert all(one.start <= other.start for one, other in pairwise(words))
