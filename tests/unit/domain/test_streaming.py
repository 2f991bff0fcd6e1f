"""Which outputs can be one stream, and what is said about those that cannot."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from render_service.domain.projects.delivery.streaming import ladder_faults
from render_service.domain.projects.output import (
    AspectRatio,
    Container,
    Loudness,
    OutputOptions,
    OutputSpec,
    Quality,
    Streaming,
    VideoCodec,
    decide_output,
)
from render_service.domain.projects.project import Project
from render_service.domain.projects.validation import check_project

HLS = Streaming(hls=True)
HD = OutputSpec(1920, 1080, 30, Quality.STANDARD, streaming=HLS)


def faults(options: OutputOptions) -> dict[str, str]:
    found = check_project(Project(output=options), "project", lambda _: None, for_render=False)
    return {fault.field: fault.description for fault in found}


@pytest.mark.parametrize("seconds", [2, 6, 10])
def test_segments_last_whole_seconds(seconds: int) -> None:
    assert not faults(OutputOptions(streaming=Streaming(hls=True, segment_duration=timedelta(seconds=seconds))))


@pytest.mark.parametrize("seconds", [0, 1, 2.5, 11, -2])
def test_other_segments_are_refused(seconds: float) -> None:
    options = OutputOptions(streaming=Streaming(dash=True, segment_duration=timedelta(seconds=seconds)))
    assert faults(options) == {"project.output.streaming.segment_duration": "must be whole seconds, 2 to 10"}


@pytest.mark.parametrize("container", [one for one in Container if one is not Container.MP4])
def test_only_mp4_is_streamed(container: Container) -> None:
    (description,) = faults(OutputOptions(container=container, streaming=HLS)).values()
    assert description == f"must be omitted: {container.name} cannot be streamed, only MP4"
    assert not faults(OutputOptions(container=container, streaming=Streaming()))


@pytest.mark.parametrize(
    ("own", "streams"),
    [
        (OutputOptions(), True),
        (OutputOptions(container=Container.MP4), True),
        (OutputOptions(container=Container.GIF), False),
        (OutputOptions(streaming=Streaming()), False),
    ],
)
def test_an_output_that_can_be_streamed_takes_part_unless_it_says_no(own: OutputOptions, *, streams: bool) -> None:
    output = decide_output(own.over(OutputOptions(streaming=HLS)), AspectRatio.LANDSCAPE_16_9)
    assert (output.streaming == HLS) is streams


@pytest.mark.parametrize(
    "changed",
    [
        {"width": 854, "height": 480},
        {"codec": VideoCodec.AV1, "quality": Quality.HIGH},
        {"fps": 60},
        {"width": 640, "height": 640, "fps": 24, "streaming": None},
    ],
)
def test_sizes_codecs_and_double_rates_make_one_ladder(changed: dict[str, Any]) -> None:
    assert not [*ladder_faults([HD, replace(HD, **changed)], "outputs")]


@pytest.mark.parametrize(
    ("changed", "field", "description"),
    [
        ({"width": 1080}, "streaming", "must be omitted: the shape 1080 × 1080 is not that of outputs[1].output"),
        ({"fps": 25}, "fps", "must be a multiple or a divisor of that of outputs[1].output, 30"),
        ({"loudness": Loudness.PODCAST}, "loudness", "must equal that of outputs[1].output"),
        ({"streaming": replace(HLS, dash=True)}, "streaming", "must equal outputs[1].output.streaming"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], field: str, description: str) -> None:
    outputs = [replace(HD, streaming=None), HD, replace(HD, **changed)]
    (fault,) = ladder_faults(outputs, "outputs")
    assert fault.field == f"outputs[2].output.{field}"
    assert fault.description.startswith(description)
