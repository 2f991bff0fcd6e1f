"""What a project decides of the inspection of its files changes with whatever changes the result, and with no more."""

from dataclasses import replace
from datetime import timedelta

from render_service.compositor.inspection import InspectionChoices
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.project import CaptionOptions, Motion, MotionFocus, NarrationPolicy, Project, Shot

SHOT = Shot("a", narration="One word", clip_uri="a.mp4", duration=timedelta(seconds=4))
PROJECT = Project(shots=(SHOT,), captions=CaptionOptions(avoid_faces=True))


def changed(before: Project, after: Project) -> bool:
    return InspectionChoices.of(before) != InspectionChoices.of(after)


def with_shot(shot: Shot) -> Project:
    return replace(PROJECT, shots=(shot,))


def test_all_that_decides_which_part_of_a_clip_is_searched_for_faces_is_a_choice() -> None:
    trimmed = replace(PROJECT, narration_policy=NarrationPolicy.TRIM)
    assert changed(PROJECT, trimmed), "the shot lasts as long as it says"
    assert changed(PROJECT, with_shot(replace(SHOT, clip=ClipEdit(speed=2.0))))
    assert changed(PROJECT, with_shot(replace(SHOT, narration="")))
    assert changed(trimmed, replace(trimmed, shots=(replace(SHOT, duration=timedelta(seconds=5)),)))


def test_what_decides_nothing_of_the_inspection_is_no_choice() -> None:
    plain = replace(PROJECT, captions=CaptionOptions())
    assert not changed(plain, replace(plain, shots=(replace(SHOT, caption="Other", duration=timedelta(seconds=9)),)))
    assert not changed(PROJECT, with_shot(replace(SHOT, narration="Other words")))
    assert changed(plain, replace(plain, shots=(replace(SHOT, motion=Motion(focus=MotionFocus.FACES)),)))
