"""Which narrations are spoken, and what is refused before any is."""

from dataclasses import replace

import pytest

from render_service.domain.projects.narrations import spoken_narrations
from render_service.domain.projects.project import Project, Shot, Speech
from render_service.domain.projects.validation import check_project
from render_service.domain.speech.requests import SpeechRequest

SHOT = Shot("one", narration="Hello")


def faults(project: Project, *, is_template: bool = False) -> list[tuple[str, str]]:
    found = check_project(
        project,
        "project",
        lambda _: None,
        for_render=True,
        open_uri_fault=(lambda _: None) if is_template else None,
    )
    return [(fault.field, fault.description) for fault in found]


def spoken(*shots: Shot, speech: Speech | None = None, language: str = "") -> list[SpeechRequest]:
    return list(spoken_narrations(Project(shots=shots, speech=speech, language=language)).values())


def test_a_narration_is_spoken_only_where_speech_is_on_and_nobody_else_speaks() -> None:
    assert spoken(SHOT) == []
    assert spoken(SHOT, speech=Speech()) == [SpeechRequest("Hello", "af_heart", 1.0)]
    assert spoken(replace(SHOT, speech=Speech()), Shot("two", narration="Bye")) == [
        SpeechRequest("Hello", "af_heart", 1.0)
    ]
    assert spoken(replace(SHOT, narration_audio_uri="https://example.com/a.wav"), speech=Speech()) == []
    assert spoken(replace(SHOT, narration="… 🎉"), speech=Speech()) == []


@pytest.mark.parametrize(
    ("project", "own", "narration", "expected"),
    [
        (Speech("am_puck", 1.2), None, "Hello", ("am_puck", 1.2)),
        (Speech("am_puck", 1.2), Speech(speed=0.8), "Hello", ("am_puck", 0.8)),
        (Speech("am_puck"), Speech("af_bella"), "Hello", ("af_bella", 1.0)),
        (Speech("am_puck"), Speech(language="zh"), "你好", ("zf_xiaobei", 1.0)),
        (Speech(language="zh"), Speech("af_bella"), "Hello", ("af_bella", 1.0)),
        (Speech(), None, "你好", ("zf_xiaobei", 1.0)),
        (None, Speech(), "Hello", ("af_heart", 1.0)),
    ],
)
def test_a_shots_speech_takes_precedence_over_the_projects(
    project: Speech | None, own: Speech | None, narration: str, expected: tuple[str, float]
) -> None:
    shot = Shot("one", narration=narration, speech=own)
    assert spoken(shot, speech=project) == [SpeechRequest(narration, *expected)]
    assert faults(Project(shots=(shot,), speech=project)) == []


def test_the_language_of_the_project_chooses_a_voice_where_none_is_named() -> None:
    assert spoken(replace(SHOT, narration="GPU"), speech=Speech(), language="zh-Hans")[0].voice == "zf_xiaobei"
    assert spoken(SHOT, speech=Speech("af_bella"), language="zh")[0].voice == "af_bella"


@pytest.mark.parametrize(
    ("project", "field", "said"),
    [
        (Project(shots=(SHOT,), speech=Speech("af_hart")), "project.speech.voice", "did you mean af_heart"),
        (
            Project(shots=(replace(SHOT, speech=Speech("xiaoxao")),)),
            "project.storyboard.shots[0].speech.voice",
            "zf_xiaoxiao",
        ),
        (
            Project(shots=(Shot("one", speech=Speech("nonsense")),)),
            "project.storyboard.shots[0].speech.voice",
            "must be the id of a voice",
        ),
        (
            Project(shots=(replace(SHOT, speech=Speech(language="fr")),)),
            "project.storyboard.shots[0].speech.language",
            "no voice speaks fr",
        ),
        (Project(shots=(SHOT,), speech=Speech(speed=2.5)), "project.speech.speed", "0.5 to 2"),
        (Project(shots=(SHOT,), speech=Speech(language="no tag")), "project.speech.language", "BCP 47"),
        (
            Project(shots=(SHOT, Shot("two", narration="Bye")), speech=Speech("af_heart", language="zh")),
            "project.speech.language",
            "speaks en-US",
        ),
        (
            Project(shots=(replace(SHOT, narration="灯塔"),), speech=Speech("af_heart")),
            "project.storyboard.shots[0].narration",
            "cannot read 灯, 塔",
        ),
        (
            Project(shots=(SHOT, Shot("two", narration="Bye")), speech=Speech(), language="fr"),
            "project.language",
            "no voice speaks fr",
        ),
        (
            Project(shots=tuple(Shot(f"s{n}", narration="a" * 4000) for n in range(38)), speech=Speech()),
            "project.storyboard.shots",
            "150,000 characters",
        ),
        (
            Project(shots=tuple(Shot(f"s{n}", narration="灯" * 4000) for n in range(13)), speech=Speech()),
            "project.storyboard.shots",
            "a Han character counts as 3,",
        ),
        (
            Project(shots=tuple(Shot(f"s{n}", narration="a" * 4000) for n in range(19)), speech=Speech(speed=0.5)),
            "project.storyboard.shots",
            "divided by the speed",
        ),
    ],
)
def test_what_cannot_be_spoken_is_refused_at_its_field(project: Project, field: str, said: str) -> None:
    [(at, description)] = faults(project)
    assert at == field
    assert said in description


def test_a_project_that_is_only_stored_may_not_name_an_unknown_voice_or_language() -> None:
    for speech, field in ((Speech("nonsense"), "voice"), (Speech(language="fr"), "language")):
        found = check_project(Project(speech=speech), "project", lambda _: None, for_render=False)
        assert [fault.field for fault in found] == [f"project.speech.{field}"]


def test_what_a_template_names_is_checked_at_once() -> None:
    template = Project(shots=(SHOT,), speech=Speech("{{voice}}", language="fr"))
    assert [field for field, _ in faults(template, is_template=True)] == ["project.speech.language"]


def test_a_template_is_checked_once_its_variables_have_values() -> None:
    template = Project(shots=(SHOT,), speech=Speech("{{voice}}"))
    assert faults(template, is_template=True) == []
    assert [field for field, _ in faults(template)] == ["project.speech.voice"]
