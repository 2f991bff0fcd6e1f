"""A slow zoom runs evenly: no frame renews the texture of the whole picture."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Motion, MotionKind, Shot
from tests.integration.compositor.storyboards import composed, photo, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_texture_of_a_long_shot_does_not_pulse(compositor: Compositor, tmp_path: Path) -> None:
    shot = Shot(
        "long", caption="", duration=timedelta(seconds=20), image_uri="given", motion=Motion(MotionKind.ZOOM_IN)
    )
    media = Media({"long": ShotMedia(image=photo(tmp_path / "photo.png", width=1200, height=800))})
    output = OutputSpec(640, 360, 30, Quality.STANDARD)
    video = await composed(compositor, spec_of([shot], output), media, tmp_path / "work")
    with av.open(str(video.path)) as container:
        frames = [frame.to_ndarray()[:360].astype(np.int16) for frame in container.decode(video=0)]
    changes = np.array([np.abs(after - before).mean() for before, after in pairwise(frames)])
    assert len(changes) == 599
    # One frame in five or so is coded more finely than those between.
    assert changes.max() <= 2 * np.percentile(changes, 95)
