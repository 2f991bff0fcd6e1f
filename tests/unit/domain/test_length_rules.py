"""What depends on the length of a video is checked as soon as that is known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from render_service.domain.projects.delivery.length_rules import length_fault, longest_video, poster_fault
from render_service.domain.projects.output import Container, OutputOptions, OutputSpec, Quality
from render_service.domain.projects.project import Card, NarrationPolicy, Project, Shot
from render_service.domain.projects.validation import check_output

TEN_SECONDS = Project(shots=tuple(Shot(f"s{n}", duration=timedelta(seconds=5), image_uri="x") for n in range(2)))


def fault(project: Project, seconds: float) -> str | None:
    return poster_fault(project, OutputSpec(160, 90, 25, Quality.DRAFT, poster_time=timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [0, 1.5, 9.95])
def test_a_time_of_the_video_is_accepted(seconds: float) -> None:
    assert fault(replace(TEN_SECONDS, title_card=Card("Title")), seconds) is None


def test_a_time_at_the_end_is_refused() -> None:
    assert fault(Project(shots=TEN_SECONDS.shots[:1]), 5) == "must be less than 5.000 s, the length of the video"


@pytest.mark.parametrize(
    "project",
    [
        replace(TEN_SECONDS, shots=(*TEN_SECONDS.shots, Shot("open", clip_uri="clip"))),
        replace(TEN_SECONDS, shots=(replace(TEN_SECONDS.shots[0], narration_audio_uri="voice"),)),
        replace(TEN_SECONDS, outro_clip_uri="clip"),
    ],
)
def test_what_only_files_can_tell_is_left_to_the_job(project: Project) -> None:
    assert fault(project, 1000) is None


def test_a_narration_that_cannot_lengthen_its_shot_leaves_no_doubt() -> None:
    shots = (replace(TEN_SECONDS.shots[0], narration_audio_uri="voice"),)
    assert fault(Project(shots=shots, narration_policy=NarrationPolicy.TRIM), 5) is not None


@pytest.mark.parametrize("seconds", [-0.001, 1e6])
def test_a_time_that_no_video_has_is_refused(seconds: float) -> None:
    faults = check_output(OutputOptions(poster_time=timedelta(seconds=seconds)), "output")
    assert [found.field for found in faults] == ["output.poster_time"]


@pytest.mark.parametrize("container", Container)
def test_only_animations_as_webp_are_short(container: Container) -> None:
    output = OutputSpec(160, 90, 15, Quality.DRAFT, container)
    fits, longer = (
        Project(shots=tuple(Shot(f"s{n}", duration=timedelta(minutes=1), image_uri="x") for n in range(count)))
        for count in (10, 11)
    )
    assert length_fault(fits, output) is None
    assert (length_fault(longer, output) is None) is (container is not Container.WEBP)
    assert longest_video(output) == (600 if container is Container.WEBP else 3 * 3600)
    unknown = replace(longer, shots=(*longer.shots, Shot("open", clip_uri="clip")))
    assert length_fault(unknown, output) is None
