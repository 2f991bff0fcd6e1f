"""A generated video says so to viewers and in its file, and the check finds where it does not."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.verification.ai_label import check_label
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.ai_label import with_ai_label
from render_service.domain.projects.output import AiLabel, Container, OutputSpec, Quality
from render_service.domain.projects.project import Motion, MotionKind, Shot
from tests.integration.compositor.storyboards import composed, photo, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = OutputSpec(320, 180, 25, Quality.STANDARD)
LABEL = AiLabel(producer="Harbour Films")


def storyboard(folder: Path, output: OutputSpec) -> tuple[RenderSpec, Media]:
    picture = photo(folder / "photo.png")
    shot = Shot("one", caption="", duration=timedelta(seconds=4), image_uri="given", motion=Motion(MotionKind.NONE))
    spec = spec_of([shot], output, title="Harbour")
    return replace(spec, project=with_ai_label(spec.project, output)), Media({"one": ShotMedia(image=picture)})


def corner(path: Path, second: float) -> np.ndarray:
    """Return the luma of the upper left corner at a time."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return frames[round(second * 25)][8:22, 8:40]


@pytest.mark.parametrize("container", [Container.MP4, Container.WEBM, Container.MOV])
async def test_the_label_is_seen_for_three_seconds_and_kept_in_the_file(
    compositor: Compositor, tmp_path: Path, container: Container
) -> None:
    spec, media = storyboard(tmp_path, replace(SMALL, container=container, ai_label=LABEL))
    video = await composed(compositor, spec, media, tmp_path / "work", content_id="job-1")
    assert video.check["ai_label"] is True
    with av.open(str(video.path)) as file:
        tags = file.metadata
    assert tags["title"] == "Harbour"
    assert json.loads(tags["AIGC"]) == {"Label": "1", "ContentProducer": "Harbour Films", "ProduceID": "job-1"}
    assert (corner(video.path, 0) < 60).mean() > 0.5
    assert np.abs(corner(video.path, 2.9).astype(int) - corner(video.path, 0)).mean() < 6
    assert np.abs(corner(video.path, 3.1).astype(int) - corner(video.path, 0)).mean() > 30


async def test_the_check_finds_a_label_that_is_missing(compositor: Compositor, tmp_path: Path) -> None:
    spec, media = storyboard(tmp_path, SMALL)
    video = await composed(compositor, spec, media, tmp_path / "work")
    assert "ai_label" not in video.check
    wanted, _ = storyboard(tmp_path, replace(SMALL, ai_label=LABEL))
    with pytest.raises(RenderFailure) as failure:
        check_label(video.path, wanted, video.frames, "")
    assert (failure.value.reason, failure.value.metadata["check"]) == (ErrorReason.CHECK_FAILED, "ai_label_metadata")
    hidden = replace(wanted, output=replace(wanted.output, container=Container.GIF))
    with pytest.raises(RenderFailure) as failure:
        check_label(video.path, hidden, video.frames, "")
    assert failure.value.metadata["check"] == "ai_label"
