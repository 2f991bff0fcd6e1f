"""Output options are resolved: what a request omits comes from the project, and only codecs that fit are coded."""

import pytest

from render_service.domain.projects.output import (
    AspectRatio,
    Container,
    OutputOptions,
    OutputSpec,
    Quality,
    VideoCodec,
    codec_fault,
    decide_output,
)
from render_service.domain.projects.project import Project
from render_service.domain.projects.validation import check_project

AV1, VP9, H264 = VideoCodec.AV1, VideoCodec.VP9, VideoCodec.H264


@pytest.mark.parametrize(
    ("asked", "project", "codec"),
    [
        ((None, None), (None, None), None),
        ((None, AV1), (None, None), AV1),
        ((Container.WEBM, None), (None, AV1), AV1),  # WebM can hold it as well
        ((Container.WEBM, None), (None, H264), None),  # a project's codec gives way to the request's container
        ((Container.GIF, None), (Container.MP4, AV1), None),
        ((None, AV1), (Container.WEBM, VP9), AV1),
        ((None, None), (Container.WEBM, VP9), None),  # the default is stored as such
    ],
)
def test_the_codec_is_the_requests_or_the_projects_where_the_container_holds_it(
    asked: tuple[Container | None, VideoCodec | None],
    project: tuple[Container | None, VideoCodec | None],
    codec: VideoCodec | None,
) -> None:
    options = OutputOptions(container=asked[0], codec=asked[1])
    merged = options.over(OutputOptions(container=project[0], codec=project[1]))
    assert codec_fault(merged) is None
    spec = decide_output(merged, AspectRatio.LANDSCAPE_16_9)
    assert (spec.container, spec.codec) == (asked[0] or project[0] or Container.MP4, codec)


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize("codec", VideoCodec)
def test_a_codec_that_the_container_cannot_hold_is_refused_by_name(container: Container, codec: VideoCodec) -> None:
    project = Project(output=OutputOptions(container=container, codec=codec))
    faults = check_project(project, "project", lambda _: None, for_render=False)
    if codec in container.codecs:
        assert faults == []
        return
    assert [fault.field for fault in faults] == ["project.output.codec"]
    assert container.name in faults[0].description
    assert all(held.name in faults[0].description for held in container.codecs)


@pytest.mark.parametrize("container", [Container.GIF, Container.WEBP])
def test_animations_are_small_and_slow(container: Container) -> None:
    spec = decide_output(OutputOptions(container=container, fps=60), AspectRatio.PORTRAIT_9_16)
    assert spec == OutputSpec(360, 640, 15, Quality.STANDARD, container)
