"""Captions can be read: shots without a voice are long enough, and what is too fast is warned about."""

from datetime import timedelta

import pytest

from render_service.compositor.captions.cues import plan_cues
from render_service.compositor.captions.reading_speed import speed_warnings
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Card, Project, ProjectMode, Shot, Transition, WordTiming
from render_service.domain.projects.reading import reading_seconds
from render_service.domain.projects.timeline import Timeline, plan_timeline
from render_service.domain.warning import JobWarning, WarningCode

FOX = "The quick brown fox jumps over the lazy dog while seventeen sleepy cats watch. "
CHINESE = "渔民们在灯光下修补渔网，讲着流传了两百年的故事。"


def _plan(project: Project, facts: dict[str, MediaFacts] | None = None) -> tuple[Timeline, list[JobWarning]]:
    spec = RenderSpec(project, OutputSpec(1280, 720, 30, Quality.STANDARD))
    timeline = plan_timeline(project, 30, facts or {})
    return timeline, list(speed_warnings(project, plan_cues(timeline, spec), 30))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("a" * 20, 1.0), ("字" * 10, 1.0), ("e\u0301" * 20, 1.0), ("", 0.0), ("a" * 40 + "\n" + "字" * 10, 2.0)],
)
def test_reading_takes_a_twentieth_of_a_second_a_character_and_a_tenth_in_east_asia(text: str, seconds: float) -> None:
    assert reading_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", [FOX * 8, CHINESE * 8, FOX, "Short"])
@pytest.mark.parametrize("mode", [ProjectMode.STANDARD, ProjectMode.SHORT])
def test_a_shot_without_duration_and_voice_is_long_enough_to_be_read(text: str, mode: ProjectMode) -> None:
    shots = (Shot("before"), Shot("s", image_uri="https://example.com/a.png", caption=text), Shot("after"))
    timeline, warnings = _plan(Project(mode=mode, shots=shots))
    assert warnings == []
    assert timeline.shots[1].frames >= 150
    assert timeline.shots[0].frames == 150


def test_a_card_without_duration_is_long_enough_to_be_read() -> None:
    timeline, _ = _plan(Project(shots=(Shot("s", visual_description=FOX * 3),), title_card=Card(FOX * 2, FOX)))
    assert timeline.shots[0].frames >= 3 * len(FOX) / 15 * 30 - 3
    assert timeline.shots[1].frames >= 3 * len(FOX) / 15 * 30 - 3
    assert _plan(Project(shots=(Shot("s"),), title_card=Card("Hello")))[0].shots[0].frames == 90


def test_timed_words_are_heard_to_their_end() -> None:
    words = (WordTiming("Hello", timedelta(0), timedelta(seconds=9)),)
    assert _plan(Project(shots=(Shot("s", caption="Hello", words=words),)))[0].frames >= 270


@pytest.mark.parametrize(
    "shot",
    [
        Shot("s", caption=FOX * 8, duration=timedelta(seconds=3)),
        Shot("s", narration=CHINESE * 2, duration=timedelta(seconds=3)),
        Shot("s", caption=FOX * 3, clip_uri="https://example.com/a.mp4"),
    ],
)
def test_a_caption_that_is_too_fast_is_warned_about_once_for_its_shot(shot: Shot) -> None:
    _, warnings = _plan(Project(shots=(shot,)), {"s": MediaFacts(clip=timedelta(seconds=4))})
    (warning,) = warnings
    assert (warning.code, warning.shot_id) == (WarningCode.CAPTION_TOO_FAST, "s")
    assert warning.field == ("narration" if shot.caption is None else "caption")
    assert "to read; shorten it or make the shot longer" in warning.message


def test_a_caption_at_the_limit_is_not_warned_about() -> None:
    shot = Shot("s", caption=FOX.strip(), duration=timedelta(seconds=4), transition=Transition())
    assert _plan(Project(shots=(shot,)))[1] == []


def test_a_duration_a_voice_and_a_target_decide_the_length_as_before() -> None:
    text = FOX * 8
    voiced = {"s": MediaFacts(narration=timedelta(seconds=2))}
    assert _plan(Project(shots=(Shot("s", caption=text),)), voiced)[0].frames == 150
    assert _plan(Project(shots=(Shot("s", caption=text, duration=timedelta(seconds=3)),)))[0].frames == 90
    assert _plan(Project(shots=(Shot("s", caption=text),), target_duration=timedelta(seconds=6)))[0].frames == 180
