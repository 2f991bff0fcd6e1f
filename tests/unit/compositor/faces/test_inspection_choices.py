"""What a project decides of the inspection of its files changes with whatever changes the result, and with no more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from render_service.compositor.inspection import InspectionChoices
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Motion, MotionFocus, NarrationPolicy, Project, Shot

FORMAT = OutputSpec(160, 90, 25, Quality.STANDARD)
SHOT = Shot("a", narration="One word", clip_uri="a.mp4", duration=timedelta(seconds=4))
PROJECT = Project(shots=(SHOT,), captions=CaptionOptions(avoid_faces=True))


def changed(before: Project, after: Project) -> bool:
    return InspectionChoices.of(RenderSpec(before, FORMAT)) != InspectionChoices.of(RenderSpec(after, FORMAT))


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


@pytest.mark.parametrize(
    ("project_burns", "outputs_burn", "searched"),
    [
        (None, [], True),
        (False, [], False),
        (False, [None, True], True),
        (False, [None, False], False),
        (True, [False, None], True),
        (True, [False], False),
    ],
)
def test_faces_are_searched_if_any_output_draws_captions(
    project_burns: bool | None, outputs_burn: list[bool | None], searched: bool
) -> None:
    project = replace(PROJECT, captions=CaptionOptions(avoid_faces=True, burn_in=project_burns))
    outputs = tuple(ResolvedOutput(f"o{place}", FORMAT, burn) for place, burn in enumerate(outputs_burn))
    spec = RenderSpec(project, FORMAT, outputs=outputs)
    assert bool(InspectionChoices.of(spec).faces) == searched
    unavoided = replace(project, captions=replace(project.captions, avoid_faces=False))
    assert not InspectionChoices.of(replace(spec, project=unavoided)).faces
