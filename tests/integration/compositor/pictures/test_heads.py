"""A portrait picture or clip in a landscape frame keeps its head."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.projects.project import Fit, Motion, MotionKind, Shot
from tests.integration.compositor.storyboards import composed, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RED = (220, 30, 30)


def _portrait() -> NDArray[np.uint8]:
    """Return a grey picture of a head and nothing else, where heads are: in the upper fifth."""
    picture = np.full((480, 320, 3), 120, np.uint8)
    cv2.circle(picture, (160, 60), 40, _RED, -1)
    return picture


def _still(path: Path) -> ShotMedia:
    cv2.imwrite(str(path.with_suffix(".png")), _portrait()[:, :, ::-1])
    return ShotMedia(image=path.with_suffix(".png"))


def _clip(path: Path) -> ShotMedia:
    with av.open(str(path.with_suffix(".mp4")), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 480, "yuv420p"
        for number in range(15):
            frame = av.VideoFrame.from_ndarray(_portrait(), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return ShotMedia(clip=path.with_suffix(".mp4"))


async def _red_pixels(compositor: Compositor, shot: Shot, files: ShotMedia, folder: Path) -> int:
    video = await composed(compositor, spec_of([shot]), Media({shot.id: files}), folder)
    with av.open(str(video.path)) as container:
        frames = list(container.decode(video=0))
    picture = np.asarray(frames[len(frames) // 2].to_ndarray(format="rgb24"), int)
    return int(((picture[:, :, 0] > 180) & (picture[:, :, 1] < 90)).sum())


@pytest.mark.parametrize("kind", ["image", "clip"])
async def test_the_head_of_a_portrait_is_seen_whole(compositor: Compositor, tmp_path: Path, kind: str) -> None:
    files = _still(tmp_path / "p") if kind == "image" else _clip(tmp_path / "p")
    shot = Shot("one", caption="", duration=timedelta(seconds=0.5), motion=Motion(MotionKind.NONE))
    shot = replace(shot, image_uri="given") if kind == "image" else replace(shot, clip_uri="given")
    # Whole, the picture is shown at 180 / 480 of its size: a circle of 15 pixels' radius.
    assert await _red_pixels(compositor, shot, files, tmp_path / "open") == pytest.approx(np.pi * 15**2, rel=0.15)


async def test_cover_and_a_focus_are_obeyed(compositor: Compositor, tmp_path: Path) -> None:
    files = _still(tmp_path / "p")
    still = Motion(MotionKind.NONE)
    cover = Shot("one", caption="", duration=timedelta(seconds=0.5), image_uri="given", motion=still, fit=Fit.COVER)
    assert await _red_pixels(compositor, cover, files, tmp_path / "cover") == 0
    focused = Shot(
        "one", caption="", duration=timedelta(seconds=0.5), image_uri="x", motion=Motion(MotionKind.NONE, 0.5, 0.1)
    )
    # It fills the frame at its own size.
    found = await _red_pixels(compositor, focused, files, tmp_path / "focus")
    assert found == pytest.approx(np.pi * 40**2, rel=0.1)
