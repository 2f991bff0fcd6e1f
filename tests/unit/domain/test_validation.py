"""Rules of projects: what keeps the contract's limits passes, and each breach is reported at its field."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from render_service.domain.projects.output import FRAME_RATES, AspectRatio, FrameSize, OutputOptions
from render_service.domain.projects.project import (
    CaptionOptions,
    Card,
    Motion,
    Music,
    Pacing,
    Project,
    Shot,
    Transition,
    Watermark,
    WordTiming,
)
from render_service.domain.projects.validation import check_output, check_project

URI = "https://example.com/a.png"
TICK = timedelta(microseconds=1)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def uri_fault(uri: str) -> str | None:
    return None if uri.startswith("https://") else "must begin with https://"


def faults_of(project: Project, *, for_render: bool = True) -> dict[str, str]:
    return {
        fault.field: fault.description for fault in check_project(project, "project", uri_fault, for_render=for_render)
    }


def with_shot(**fields: Any) -> Project:
    return Project(shots=(Shot(**({"id": "s1"} | fields)),))


def with_words(*spans: tuple[float, float], text: str = "w") -> Project:
    return with_shot(words=tuple(WordTiming(text, seconds(start), seconds(end)) for start, end in spans))


S = "project.storyboard.shots[0]"
Change = Callable[[float], Project]

LENGTHS: list[tuple[str, int, Callable[[str], Project]]] = [
    ("project.title", 200, lambda text: Project(title=text)),
    ("project.script", 50_000, lambda text: Project(script=text)),
    (f"{S}.id", 64, lambda text: with_shot(id=text)),
    (f"{S}.visual_description", 4_000, lambda text: with_shot(visual_description=text)),
    (f"{S}.narration", 4_000, lambda text: with_shot(narration=text)),
    (f"{S}.caption", 1_000, lambda text: with_shot(caption=text)),
    (f"{S}.words[0].text", 100, lambda text: with_words((0, 1), text=text)),
    ("project.title_card.title", 200, lambda text: Project(title_card=Card(text))),
    ("project.title_card.subtitle", 400, lambda text: Project(title_card=Card("t", text))),
    ("project.end_card.title", 200, lambda text: Project(end_card=Card(text))),
    ("project.end_card.subtitle", 400, lambda text: Project(end_card=Card("t", text))),
]


@pytest.mark.parametrize(("path", "most", "make"), LENGTHS, ids=[path for path, _, _ in LENGTHS])
def test_texts_may_be_as_long_as_promised_and_no_longer(path: str, most: int, make: Callable[[str], Project]) -> None:
    assert faults_of(make("x" * most), for_render=False) == {}
    faults = faults_of(make("x" * (most + 1)), for_render=False)
    assert list(faults) == [path]
    assert f"{most:,}" in faults[path]


def test_a_character_outside_the_basic_plane_counts_once() -> None:
    assert faults_of(Project(title="🦄" * 200), for_render=False) == {}


SPANS: list[tuple[str, float, Callable[[timedelta], Project]]] = [
    ("project.target_duration", 3600, lambda span: Project(target_duration=span)),
    (f"{S}.duration", 600, lambda span: with_shot(duration=span)),
    (f"{S}.transition.duration", 5, lambda span: with_shot(transition=Transition(duration=span))),
    ("project.title_card.duration", 600, lambda span: Project(title_card=Card("t", duration=span))),
    ("project.end_card.duration", 600, lambda span: Project(end_card=Card("t", duration=span))),
]


@pytest.mark.parametrize(("path", "most", "make"), SPANS, ids=[path for path, _, _ in SPANS])
def test_durations_are_more_than_zero_up_to_their_limit(
    path: str, most: float, make: Callable[[timedelta], Project]
) -> None:
    for sound in (TICK, seconds(most)):
        assert faults_of(make(sound), for_render=False) == {}
    for wrong in (timedelta(0), -TICK, seconds(most) + TICK, timedelta.max):
        assert list(faults_of(make(wrong), for_render=False)) == [path]


RANGES: list[tuple[str, float, float, Change]] = [
    (f"{S}.motion.focus_x", 0, 1, lambda value: with_shot(motion=Motion(focus_x=value))),
    (f"{S}.motion.focus_y", 0, 1, lambda value: with_shot(motion=Motion(focus_y=value))),
    (f"{S}.motion.amount", 0.01, 0.5, lambda value: with_shot(motion=Motion(amount=value))),
    ("project.music.volume", 0, 1, lambda value: Project(music=Music(URI, volume=value))),
    ("project.music.fade_in", 0, 10, lambda value: Project(music=Music(URI, fade_in=seconds(value)))),
    ("project.music.fade_out", 0, 10, lambda value: Project(music=Music(URI, fade_out=seconds(value)))),
    ("project.pacing.narration_gap", 0, 5, lambda value: Project(pacing=Pacing(narration_gap=seconds(value)))),
    ("project.pacing.tail", 0, 10, lambda value: Project(pacing=Pacing(tail=seconds(value)))),
    ("project.captions.scale", 0.5, 2, lambda value: Project(captions=CaptionOptions(scale=value))),
    ("project.watermark.opacity", 0, 1, lambda value: Project(watermark=Watermark(URI, opacity=value))),
    ("project.watermark.scale", 0.02, 0.5, lambda value: Project(watermark=Watermark(URI, scale=value))),
]


@pytest.mark.parametrize(("path", "least", "most", "make"), RANGES, ids=[path for path, *_ in RANGES])
def test_numbers_stay_within_their_range(path: str, least: float, most: float, make: Change) -> None:
    for sound in (least, most):
        assert faults_of(make(sound), for_render=False) == {}
    for wrong in (least - 0.001, most + 0.001):
        assert list(faults_of(make(wrong), for_render=False)) == [path]


@pytest.mark.parametrize(
    ("path", "make"),
    [
        (f"{S}.image_uri", lambda uri: with_shot(image_uri=uri)),
        (f"{S}.clip_uri", lambda uri: with_shot(clip_uri=uri)),
        (f"{S}.narration_audio_uri", lambda uri: with_shot(narration_audio_uri=uri)),
        ("project.music.uri", lambda uri: Project(music=Music(uri))),
        ("project.watermark.uri", lambda uri: Project(watermark=Watermark(uri))),
        ("project.intro_clip_uri", lambda uri: Project(intro_clip_uri=uri)),
        ("project.outro_clip_uri", lambda uri: Project(outro_clip_uri=uri)),
    ],
)
def test_every_address_obeys_the_rule_for_addresses(path: str, make: Callable[[str], Project]) -> None:
    assert faults_of(make(URI), for_render=False) == {}
    assert faults_of(make("ftp://example.com/a"), for_render=False) == {path: "must begin with https://"}


@pytest.mark.parametrize(
    ("path", "project"),
    [
        ("project.music.uri", Project(music=Music(""))),
        ("project.watermark.uri", Project(watermark=Watermark(""))),
        ("project.title_card.title", Project(title_card=Card(" \n"))),
        ("project.end_card.title", Project(end_card=Card(""))),
        (f"{S}.words[0].text", with_words((0, 1), text="")),
        (f"{S}.id", with_shot(id="")),
    ],
)
def test_what_is_required_must_not_be_empty(path: str, project: Project) -> None:
    assert list(faults_of(project, for_render=False)) == [path]


@pytest.mark.parametrize("shot_id", ["a b", "ä", "a.b", "a\n", "@intro", "a/b"])
def test_shot_ids_have_only_letters_digits_and_two_signs(shot_id: str) -> None:
    assert list(faults_of(with_shot(id=shot_id))) == [f"{S}.id"]


def test_shot_ids_are_unique() -> None:
    faults = faults_of(Project(shots=(Shot("a"), Shot("b"), Shot("a"))))
    assert faults == {"project.storyboard.shots[2].id": "must be unique; shots[0] has the same"}


def test_a_shot_shows_a_picture_or_a_clip_not_both() -> None:
    assert list(faults_of(with_shot(image_uri=URI, clip_uri=URI))) == [f"{S}.clip_uri"]


def test_a_storyboard_is_needed_only_to_render() -> None:
    assert faults_of(Project(), for_render=False) == {}
    assert list(faults_of(Project(), for_render=True)) == ["project.storyboard.shots"]


def test_there_are_at_most_200_shots_and_no_more_are_looked_at() -> None:
    shots = tuple(Shot(f"s{n}") for n in range(200))
    assert faults_of(Project(shots=shots)) == {}
    wrong = (Shot("!"),) * 100
    assert list(faults_of(Project(shots=shots + wrong))) == ["project.storyboard.shots"]


@pytest.mark.parametrize(
    ("project", "too_long"),
    [
        (Project(shots=tuple(Shot(f"s{n}", duration=seconds(600)) for n in range(18))), False),
        (Project(shots=tuple(Shot(f"s{n}", duration=seconds(600)) for n in range(18)), end_card=Card("x")), True),
        (Project(shots=(Shot("a"), *(Shot(f"s{n}", duration=seconds(600)) for n in range(18)))), True),
        # A clip's length is not known yet.
        (Project(shots=(Shot("a", clip_uri=URI), *(Shot(f"s{n}", duration=seconds(600)) for n in range(18)))), False),
        # Each shot without a duration gets one second at least, however little the target leaves.
        (
            Project(
                shots=(Shot("a"), *(Shot(f"s{n}", duration=seconds(600)) for n in range(18))),
                target_duration=seconds(60),
            ),
            True,
        ),
        (Project(shots=(Shot("a"),), target_duration=seconds(3600)), False),
    ],
)
def test_a_render_lasts_at_most_three_hours(project: Project, too_long: bool) -> None:
    assert list(faults_of(project, for_render=True)) == (["project.storyboard"] if too_long else [])
    assert faults_of(project, for_render=False) == {}


@pytest.mark.parametrize(
    ("spans", "faulty"),
    [
        ([(0, 0.5), (0.5, 1), (1, 1)], None),
        ([(0, 0.6), (0.5, 1)], None),
        ([(0, 600)], None),
        ([(-0.1, 0.5)], "words[0].start"),
        ([(1, 2), (0.5, 2)], "words[1].start"),
        ([(1, 0.5)], "words[0].end"),
        ([(0, 0)], "words[0].end"),
        ([(0, 601)], "words[0].end"),
    ],
)
def test_words_come_in_order_and_end_after_they_start(spans: list[tuple[float, float]], faulty: str | None) -> None:
    assert list(faults_of(with_words(*spans))) == ([f"{S}.{faulty}"] if faulty else [])


def test_there_are_at_most_1000_words_in_a_shot() -> None:
    assert faults_of(with_words(*[(1, 2)] * 1_000)) == {}
    assert list(faults_of(with_words(*[(1, 2)] * 1_001))) == [f"{S}.words"]


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "en",
        "ZH-HANS",
        "zh-Hant-TW",
        "de-CH-1996",
        "sl-rozaj-biske",
        "zh-cmn-Hans-CN",
        "es-419",
        "x-whatever",
        "en-US-u-islamcal",
        "de-DE-x-goethe",
    ],
)
def test_well_formed_language_tags_pass(tag: str) -> None:
    assert faults_of(Project(language=tag), for_render=False) == {}


@pytest.mark.parametrize(
    "tag",
    ["e", "en_US", "en-", "-en", "english!", "zh--Hans", "en-u", "中文", "en\n", "12", "a" * 36, "en" + "-ab12c" * 7],
)
def test_other_language_tags_are_refused(tag: str) -> None:
    assert list(faults_of(Project(language=tag), for_render=False)) == ["project.language"]


@pytest.mark.parametrize(
    ("options", "faulty"),
    [
        (OutputOptions(), []),
        (OutputOptions(size=FrameSize(128, 3840)), []),
        (OutputOptions(size=FrameSize(126, 3842)), ["width", "height"]),
        (OutputOptions(size=FrameSize(641, 480)), ["width"]),
        (OutputOptions(size=FrameSize(-128, 0)), ["width", "height"]),
    ],
)
def test_sizes_are_even_and_within_limits(options: OutputOptions, faulty: list[str]) -> None:
    assert [fault.field for fault in check_output(options, "output")] == [f"output.size.{side}" for side in faulty]


def test_frame_rates_are_those_that_the_contract_names() -> None:
    for fps in FRAME_RATES:
        assert check_output(OutputOptions(fps=fps), "output") == []
    for fps in (0, -30, 29, 31, 120):
        assert [fault.field for fault in check_output(OutputOptions(fps=fps), "output")] == ["output.fps"]


def test_a_shape_and_a_size_exclude_each_other() -> None:
    both = OutputOptions(aspect_ratio=AspectRatio.SQUARE_1_1, size=FrameSize(640, 640))
    assert [fault.field for fault in check_output(both, "output")] == ["output.size"]


def test_a_projects_own_output_options_are_checked() -> None:
    assert list(faults_of(Project(output=OutputOptions(fps=1)), for_render=False)) == ["project.output.fps"]


def test_all_faults_are_listed_in_the_order_of_the_contract() -> None:
    shot = Shot("!", caption="x" * 1001, duration=timedelta(0))
    project = Project(title="x" * 201, shots=(shot, replace(shot, id="b")), music=Music("", volume=2), language="?")
    assert list(faults_of(project)) == [
        "project.title",
        f"{S}.id",
        f"{S}.caption",
        f"{S}.duration",
        "project.storyboard.shots[1].caption",
        "project.storyboard.shots[1].duration",
        "project.music.uri",
        "project.music.volume",
        "project.language",
    ]


def known_faults(project: Project) -> dict[str, str]:
    found = check_project(
        project,
        "project",
        uri_fault,
        for_render=False,
        open_uri_fault=lambda pieces: None if pieces[0] in ("", "https://cdn.") else f"starts with {pieces[0]}",
    )
    return {fault.field: fault.description for fault in found}


def test_of_a_template_nothing_is_refused_that_values_can_mend() -> None:
    shot = Shot(
        "s1",
        narration="{{n}}" * 4_000,
        image_uri="{{image}}",
        clip_uri="{{clip}}",
        narration_audio_uri="https://cdn.{{domain}}/a.m4a",
        words=(WordTiming("{{" + "w" * 60 + "}}" + " " * 90, seconds(0), seconds(1)),),
    )
    template = Project(
        title="x" * 200 + "{{more}}",
        language="{{language}}",
        shots=(shot,),
        title_card=Card("{{title}}"),
        music=Music("{{m}}"),
    )
    assert known_faults(template) == {}
    # Without the knowledge that it is a template, it is held to the letter.
    assert len(faults_of(template, for_render=False)) == 7


def test_of_a_template_is_refused_what_no_value_can_mend() -> None:
    shot = Shot(
        "s1",
        caption="c" * 1_001 + "{{more}}",
        image_uri="https://cdn.{{domain}}/a.png",
        clip_uri="ftp://{{domain}}/a.mp4",
        words=(WordTiming("w" * 101 + "{{w}}", seconds(0), seconds(1)),),
    )
    template = Project(
        title=r"\{{city}}" * 34, language="x" * 36 + "{{x}}", shots=(shot, Shot("{{id}}")), end_card=Card(" ")
    )
    assert list(known_faults(template)) == [
        "project.title",
        f"{S}.caption",
        f"{S}.clip_uri",
        f"{S}.words[0].text",
        "project.storyboard.shots[1].id",
        "project.language",
        "project.end_card.title",
    ]
