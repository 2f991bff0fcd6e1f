"""Rules of how a video looks: each wrong field is reported with its path."""

from datetime import timedelta

import pytest

from render_service.domain.projects.looks.captions import CaptionPosition, CaptionPreset, Platform
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.looks.sounds import SoundClip
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import (
    CaptionOptions,
    Motion,
    MotionKind,
    Project,
    Shot,
    Transition,
    TransitionKind,
)
from render_service.domain.projects.validation import check_project

C = "project.captions"


def faults_of(project: Project) -> list[str]:
    return [fault.field for fault in check_project(project, "project", lambda uri: None, for_render=False)]


def with_captions(**fields: object) -> Project:
    return Project(captions=CaptionOptions(**({"preset": CaptionPreset.CLEAN} | fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"color": "#A0b1C2", "highlight_color": "#000000", "words_per_cue": 12}, []),
        ({"color": "red"}, [f"{C}.color"]),
        ({"highlight_color": "#FFF"}, [f"{C}.highlight_color"]),
        ({"words_per_cue": 13}, [f"{C}.words_per_cue"]),
        ({"words_per_cue": -1}, [f"{C}.words_per_cue"]),
        ({"preset": None, "platform": Platform.TIKTOK}, []),
        ({"preset": None, "position": CaptionPosition.TOP}, [f"{C}.position"]),
        ({"preset": None, "color": "#FFFFFF", "words_per_cue": 3}, [f"{C}.color", f"{C}.words_per_cue"]),
    ],
)
def test_caption_options_are_checked_one_by_one(fields: dict[str, object], wrong: list[str]) -> None:
    assert faults_of(with_captions(**fields)) == wrong


@pytest.mark.parametrize(("softness", "angle", "wrong"), [(0.0, 360.0, []), (1.1, -1.0, ["softness", "angle"])])
def test_softness_and_angle_stay_within_their_range(softness: float, angle: float, wrong: list[str]) -> None:
    project = Project(shots=(Shot("s1", transition=Transition(softness=softness, angle=angle)),))
    assert faults_of(project) == [f"project.storyboard.shots[0].transition.{name}" for name in wrong]


@pytest.mark.parametrize(
    ("motion", "wrong"),
    [
        (Motion(MotionKind.KEN_BURNS, start=PictureView(0.1, 0.7, 0.9, 0.3)), []),
        (Motion(MotionKind.KEN_BURNS), ["end"]),
        (Motion(MotionKind.ZOOM_IN, end=PictureView()), ["end"]),
        (Motion(MotionKind.KEN_BURNS, end=PictureView(0.5, 0, 0.6, 1)), ["end.width"]),
        (
            Motion(MotionKind.KEN_BURNS, start=PictureView(-0.1, 0, 0.04, 1.2)),
            ["start.x", "start.width", "start.height"],
        ),
    ],
)
def test_the_parts_of_a_picture_lie_within_it(motion: Motion, wrong: list[str]) -> None:
    faults = faults_of(Project(shots=(Shot("s1", motion=motion),)))
    assert faults == [f"project.storyboard.shots[0].motion.{name}" for name in wrong]


@pytest.mark.parametrize(
    ("edit", "wrong"),
    [
        (ClipEdit(speed=4.0, volume=2.0, fade_in=timedelta(seconds=10)), []),
        (ClipEdit(speed=0.24, volume=-0.1), [".speed", ".volume"]),
        (ClipEdit(start=timedelta(seconds=-1), length=timedelta(0)), [".start", ".length"]),
        (ClipEdit(freeze_at=timedelta(0), fade_out=timedelta(seconds=11)), [".freeze_at", ".fade_out"]),
        (ClipEdit(crop=PictureView(0.5, 0.0, 0.6, 0.5)), [".crop.width"]),
    ],
)
def test_clips_are_cut_within_limits(edit: ClipEdit, wrong: list[str]) -> None:
    project = Project(shots=(Shot("s1", clip_uri="https://example.com/a.mp4", clip=edit),))
    assert faults_of(project) == [f"project.storyboard.shots[0].clip{name}" for name in wrong]


def test_a_picture_is_not_played() -> None:
    project = Project(shots=(Shot("s1", image_uri="https://example.com/a.jpg", clip=ClipEdit()),))
    assert faults_of(project) == ["project.storyboard.shots[0].clip"]


def test_sounds_are_checked_one_by_one() -> None:
    sounds = (
        SoundClip("https://example.com/a.mp3", volume=2.0),
        SoundClip("", start=timedelta(seconds=-1)),
        SoundClip("https://example.com/a.mp3", duration=timedelta(0), volume=2.1, fade_in=timedelta(seconds=11)),
    )
    wrong = ["[1].uri", "[1].start", "[2].duration", "[2].volume", "[2].fade_in"]
    assert faults_of(Project(sounds=sounds)) == [f"project.sounds{name}" for name in wrong]
    in_shot = Project(shots=(Shot("s1", sounds=sounds),))
    assert faults_of(in_shot) == [f"project.storyboard.shots[0].sounds{name}" for name in wrong]
    assert faults_of(Project(sounds=(sounds[0],) * 21)) == ["project.sounds"]


@pytest.mark.parametrize(
    ("kind", "uri"), [(TransitionKind.LUMA, ""), (TransitionKind.WIPE, "https://example.com/a.png")]
)
def test_a_luma_wipe_needs_its_picture_and_others_have_none(kind: TransitionKind, uri: str) -> None:
    project = Project(shots=(Shot("s1", transition=Transition(kind, mask_uri=uri)),))
    assert faults_of(project) == ["project.storyboard.shots[0].transition.mask_uri"]
