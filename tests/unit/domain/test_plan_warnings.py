"""A plan that changes what a project asks for says so, by shot and field; one that does not, says nothing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from render_service.domain.layers.model import Layer, TextLayer
from render_service.domain.projects.media import MediaFacts, pause
from render_service.domain.projects.plan_warnings import plan_warnings
from render_service.domain.projects.project import (
    CaptionOptions,
    Motion,
    MotionKind,
    NarrationPolicy,
    Project,
    Shot,
    Transition,
    TransitionKind,
    WordTiming,
)
from render_service.domain.projects.timeline import plan_timeline
from render_service.domain.warning import MAX_WARNINGS, JobWarning, WarningCode, distinct_warnings

WORD = WordTiming("Two", timedelta(0), timedelta(seconds=1))


def fade(seconds: float) -> Transition:
    return Transition(kind=TransitionKind.CROSS_FADE, duration=timedelta(seconds=seconds))


def found(project: Project, facts: Mapping[str, MediaFacts] | None = None) -> list[tuple[WarningCode, str, str]]:
    facts = facts or {}
    warnings = plan_warnings(project, plan_timeline(project, 30, facts), facts)
    assert all(warning.message.startswith(f"{warning.shot_id}.{warning.field}: ") for warning in warnings)
    return [(warning.code, warning.shot_id, warning.field) for warning in warnings]


def lasting(shot_id: str, seconds: float, transition: Transition | None = None) -> Shot:
    return Shot(shot_id, duration=timedelta(seconds=seconds), transition=transition or Transition())


def test_a_plan_that_follows_the_project_warns_of_nothing() -> None:
    assert found(Project(shots=(lasting("one", 4), lasting("two", 4, fade(0.5))))) == []


def test_a_transition_longer_than_half_of_a_shot_warns() -> None:
    shots = (lasting("one", 1), lasting("two", 4, fade(2)))
    assert found(Project(shots=shots)) == [(WarningCode.TRANSITION_SHORTENED, "two", "transition")]


def test_a_shot_that_is_mostly_covered_by_its_transitions_warns() -> None:
    shots = (lasting("one", 4), lasting("two", 2, fade(0.8)), lasting("three", 4, fade(0.8)))
    assert found(Project(shots=shots)) == [(WarningCode.SHOT_SHORTENED, "two", "duration")]


def test_one_picture_for_long_with_one_movement_warns() -> None:
    plain = Shot("plain", image_uri="a", duration=timedelta(seconds=61))
    assert found(Project(shots=(plain,))) == [(WarningCode.PICTURE_UNCHANGED, "plain", "image_uri")]
    lively = (
        replace(plain, duration=timedelta(seconds=30)),
        replace(plain, motion=Motion(kind=MotionKind.DRIFT)),
        replace(plain, layers=(Layer("name", text=TextLayer("Ada")),)),
        replace(plain, image_uri="", clip_uri="a"),
        replace(plain, image_uri=""),
    )
    for shot in lively:
        assert found(Project(shots=(shot,))) == []


def test_highlighted_words_without_timings_warn_for_each_captioned_shot() -> None:
    shots = (
        Shot("one", caption="One"),
        Shot("two", caption="Two", words=(WORD,)),
        Shot("three", caption=""),
        Shot("four", narration="Four"),
    )
    captions = CaptionOptions(highlight_words=True)
    assert found(Project(shots=shots, captions=captions)) == [
        (WarningCode.HIGHLIGHT_WITHOUT_WORDS, "one", "words"),
        (WarningCode.HIGHLIGHT_WITHOUT_WORDS, "four", "words"),
    ]
    assert found(Project(shots=shots)) == []


def spoken(seconds: float, *, silent_from: float | None = None, clip: float | None = None) -> MediaFacts:
    return MediaFacts(
        clip=None if clip is None else timedelta(seconds=clip),
        narration=timedelta(seconds=seconds),
        pauses=() if silent_from is None else (pause(silent_from, seconds),),
    )


@pytest.mark.parametrize(
    ("policy", "trimmed"),
    [(NarrationPolicy.TRIM, ["one", "two"]), (NarrationPolicy.OVERLAP, ["two"]), (NarrationPolicy.EXTEND, [])],
)
@pytest.mark.parametrize("field", ["narration_audio_uri", "narration"])
def test_a_narration_that_is_cut_warns(field: str, policy: NarrationPolicy, trimmed: list[str]) -> None:
    shots = tuple(
        replace(lasting(shot_id, 4), narration="Read.")
        if field == "narration"
        else replace(lasting(shot_id, 4), narration_audio_uri="https://a.test/b.wav")
        for shot_id in ("one", "two")
    )
    project = Project(shots=shots, narration_policy=policy)
    facts = {"one": spoken(5), "two": spoken(4.2)}
    assert found(project, facts) == [(WarningCode.NARRATION_TRIMMED, shot_id, field) for shot_id in trimmed]


def test_a_narration_longer_than_the_clip_of_its_shot_warns_under_trim() -> None:
    shot = Shot("one", clip_uri="https://a.test/b.mp4", narration_audio_uri="https://a.test/b.wav")
    project = Project(shots=(shot,), narration_policy=NarrationPolicy.TRIM)
    facts = {"one": spoken(5, clip=3)}
    (warning,) = plan_warnings(project, plan_timeline(project, 30, facts), facts)
    assert warning.code is WarningCode.NARRATION_TRIMMED
    assert warning.message.startswith("one.narration_audio_uri: lasts 5 s, of which 3 s are heard; ")


@pytest.mark.parametrize("narration", [spoken(4), spoken(4.05), spoken(6, silent_from=3.9)])
def test_a_cut_of_silence_warns_of_nothing(narration: MediaFacts) -> None:
    project = Project(shots=(lasting("one", 4),), narration_policy=NarrationPolicy.TRIM)
    assert found(project, {"one": narration}) == []


def test_equal_warnings_are_kept_once_and_many_are_cut() -> None:
    warnings = [JobWarning(WarningCode.CAPTION_TOO_FAST, str(number)) for number in range(200)]
    assert distinct_warnings([*warnings, *warnings]) == tuple(warnings[:MAX_WARNINGS])
