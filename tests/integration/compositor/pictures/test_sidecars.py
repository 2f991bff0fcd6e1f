"""The files beside a video: the poster at a chosen time, the sprite sheet with its times, chapters."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import Artifact
from render_service.domain.projects.output import OutputSpec, Quality, Sidecars
from render_service.domain.projects.project import Motion, MotionKind, Shot, Transition, TransitionKind
from tests.integration.compositor.storyboards import composed, plain, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

COLOURS = ((200, 40, 40), (40, 180, 40), (40, 40, 200))
SMALL = OutputSpec(160, 90, 25, Quality.DRAFT)
ALL = replace(SMALL, sidecars=Sidecars(thumbnails=True, chapters=True, metadata=True, timeline=True))


def storyboard(folder: Path, *, caption: str = "") -> tuple[list[Shot], Media]:
    """Return three shots of two seconds, red, green and blue, between which the video cuts."""
    shots = [
        Shot(
            f"s{number}",
            caption=caption,
            visual_description=f"Colour <{number}>",
            duration=timedelta(seconds=2),
            image_uri="given",
            motion=Motion(MotionKind.NONE),
            transition=Transition(TransitionKind.CUT),
        )
        for number in range(len(COLOURS))
    ]
    pictures = (plain(folder / f"{number}.png", colour, 160, 90) for number, colour in enumerate(COLOURS))
    return shots, Media({shot.id: ShotMedia(image=picture) for shot, picture in zip(shots, pictures, strict=True)})


def mean_colour(picture: np.ndarray) -> tuple[int, ...]:
    return tuple(round(value) for value in picture.reshape(-1, 3).mean(axis=0))


def shows(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return max(abs(found - wanted) for found, wanted in zip(mean_colour(picture), colour, strict=True)) < 12


async def test_each_second_has_a_picture_and_each_shot_a_chapter(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = storyboard(tmp_path)
    output = replace(ALL, poster_time=timedelta(seconds=2.04))
    video = await composed(compositor, spec_of(shots, output), media, tmp_path / "work")
    assert shows(np.asarray(Image.open(video.poster)), COLOURS[1])
    assert video.sprites is not None
    assert (video.sprites.count, video.sprites.interval) == (6, 1)
    sheet = np.asarray(Image.open(video.sidecars[Artifact.THUMBNAILS]))
    assert sheet.shape[:2] == (90, 960)
    times = video.sidecars[Artifact.THUMBNAILS_VTT].read_text(encoding="utf-8")
    cells = re.findall(r"(\S+) --> (\S+)\nthumbnails.jpg#xywh=(\d+),(\d+),(\d+),(\d+)", times)
    assert [cell[:2] for cell in cells] == [(f"00:00:0{n}.000", f"00:00:0{n + 1}.000") for n in range(6)]
    for second, (_, _, *edges) in enumerate(cells):
        left, top, width, height = map(int, edges)
        assert shows(sheet[top : top + height, left : left + width], COLOURS[second // 2])
    chapters = video.sidecars[Artifact.CHAPTERS_VTT].read_text(encoding="utf-8")
    assert chapters.startswith("WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\nColour &lt;0&gt;\n\n2\n00:00:02.000 -->")
    assert '"OTIO_SCHEMA": "Timeline' in video.sidecars[Artifact.TIMELINE].read_text(encoding="utf-8")
    assert [chapter.shot_id for chapter in video.chapters] == ["s0", "s1", "s2"]


async def test_nothing_is_made_beside_the_video_unless_it_is_asked_for(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = storyboard(tmp_path)
    video = await composed(compositor, spec_of(shots, SMALL), media, tmp_path / "work")
    assert (dict(video.sidecars), video.sprites) == ({}, None)
    assert shows(np.asarray(Image.open(video.poster)), COLOURS[0])


async def test_a_poster_beyond_the_end_is_refused_before_anything_is_drawn(
    compositor: Compositor, tmp_path: Path
) -> None:
    shots, media = storyboard(tmp_path)
    for seconds in (6, 6.0001, 100):
        output = replace(SMALL, poster_time=timedelta(seconds=seconds))
        for use in (composed, checked):
            with pytest.raises(RenderFailure, match=r"output.poster_time must be less than 6.000 s") as failure:
                await use(compositor, spec_of(shots, output), media, tmp_path / f"{use.__name__}-{seconds}")
            assert failure.value.reason is ErrorReason.INVALID_FIELD


async def checked(compositor: Compositor, spec: object, media: Media, folder: Path) -> None:
    folder.mkdir()
    await compositor.check(spec, media, folder)  # type: ignore[arg-type]
