"""Which videos of a job share their pictures."""

from dataclasses import replace

import pytest

from render_service.compositor.outputs import grouped, naming
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import AiLabel, Container, OutputSpec, Quality, VideoCodec

HD = OutputSpec(1920, 1080, 30, Quality.STANDARD)
SD = replace(HD, width=854, height=480)


def groups(*outputs: OutputSpec | ResolvedOutput) -> list[list[int]]:
    return grouped([one if isinstance(one, ResolvedOutput) else ResolvedOutput("any", one) for one in outputs])


def test_the_largest_of_a_shape_is_drawn_for_all_of_it() -> None:
    square = replace(HD, width=720, height=720)
    assert groups(SD, square, HD, replace(HD, width=1280, height=720)) == [[2, 3, 0], [1]]


@pytest.mark.parametrize(
    "changed",
    [
        {"codec": VideoCodec.HEVC},
        {"container": Container.WEBM},
        {"container": Container.MOV},
        {"quality": Quality.HIGH},
        {"stems": True},
    ],
)
def test_how_a_video_is_encoded_changes_nothing_of_its_pictures(changed: dict[str, object]) -> None:
    assert groups(HD, replace(SD, **changed)) == [[0, 1]]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"fps": 25},
        {"height": 640},
        {"ai_label": AiLabel()},
        {"container": Container.GIF},
        {"container": Container.WEBP},
    ],
)
def test_what_changes_the_pictures_is_drawn_apart(changed: dict[str, object]) -> None:
    assert groups(HD, replace(SD, **changed)) == [[0], [1]]  # type: ignore[arg-type]
    assert groups(HD, ResolvedOutput("bare", SD, burn_captions=False)) == [[0], [1]]


def test_only_failures_of_several_outputs_are_named() -> None:
    failure = RenderFailure(ErrorReason.CHECK_FAILED, "no sound", {"check": "sound"}, retryable=True)
    with pytest.raises(RenderFailure) as single, naming((), 0):
        raise failure
    assert single.value is failure
    outputs = [ResolvedOutput("hd", HD), ResolvedOutput("sd", SD)]
    with pytest.raises(RenderFailure) as several, naming(outputs, 1):
        raise failure
    named = several.value
    assert named.message == 'outputs[1] "sd": no sound'
    assert (named.metadata, named.retryable) == ({"check": "sound", "output": "sd"}, True)
