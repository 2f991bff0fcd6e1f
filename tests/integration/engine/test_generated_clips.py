"""Generated clips are seen for as long as their shots last: longer ones are cut later, shorter ones slowed down."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia, clip_asset
from render_service.compositor.planning import shown_sources
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import NarrationPolicy, Project, Shot
from render_service.domain.projects.shot_source import GeneratedSource, StillSource
from render_service.engine.generated_clips import with_clips
from tests.fakes.clips import make_clip
from tests.integration.compositor.oracle import write_sound

pytestmark = pytest.mark.asyncio(loop_scope="module")
FPS = 24
FRAME = 1 / FPS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def compositor() -> AsyncIterator[Compositor]:
    made = Compositor(processes=1)
    await made.start()
    yield made
    await made.close()


def spec_of(*seconds: float) -> RenderSpec:
    shots = tuple(
        Shot(
            f"s{number}", visual_description="dawn", duration=timedelta(seconds=length), image_uri="https://e.com/a.png"
        )
        for number, length in enumerate(seconds, 1)
    )
    return RenderSpec(Project(shots=shots), OutputSpec(256, 144, FPS, Quality.DRAFT))


def media_of(spec: RenderSpec) -> Media:
    return Media({shot.id: ShotMedia(image=Path("picture.png")) for shot in spec.project.shots})


def clips_of(folder: Path, *seconds: float) -> dict[str, Path]:
    paths = {}
    for number, length in enumerate(seconds, 1):
        paths[f"s{number}"] = folder / f"{number}.mp4"
        paths[f"s{number}"].write_bytes(make_clip(128, 96, length))
    return paths


async def lengths(compositor: Compositor, media: Media) -> list[float]:
    looks = [
        await compositor.probe_clip(clip_asset("s", shot.clip))
        for shot in media.shots.values()
        if shot.clip is not None
    ]
    return [look.duration.total_seconds() for look in looks]


async def test_clips_last_as_long_as_their_shots(compositor: Compositor, tmp_path: Path) -> None:
    spec = spec_of(2.0, 2.0, 3.0, 2.0)
    clips = clips_of(tmp_path, 3.0, 2.0, 2.0, 2.0 - FRAME)
    media = await with_clips(spec, media_of(spec), clips, compositor, tmp_path)
    # Cut later; as they are; slowed; a single frame is not worth it.
    assert [media.shots[shot].clip == clips[shot] for shot in clips] == [True, True, False, True]
    assert (await lengths(compositor, media))[2] == pytest.approx(3.0, abs=FRAME)
    assert set(shown_sources(spec.project, media).values()) == {GeneratedSource()}
    assert all(files.image is None for files in media.shots.values())


async def test_a_clip_that_is_much_too_short_is_not_slowed_to_a_crawl(compositor: Compositor, tmp_path: Path) -> None:
    spec = spec_of(9.0)
    media = await with_clips(spec, media_of(spec), clips_of(tmp_path, 2.0), compositor, tmp_path)
    assert await lengths(compositor, media) == [pytest.approx(4.0, abs=FRAME)]


async def test_a_narration_that_makes_its_shot_longer_slows_the_clip(compositor: Compositor, tmp_path: Path) -> None:
    voice = write_sound(tmp_path / "voice.wav", 0.1 * np.ones((1, 48_000 * 3), np.float32))
    spec = spec_of(2.0)
    extending = replace(spec, project=replace(spec.project, narration_policy=NarrationPolicy.EXTEND))
    media = Media({"s1": ShotMedia(narration=voice)})
    slowed = await with_clips(extending, media, clips_of(tmp_path, 2.0), compositor, tmp_path)
    (length,) = await lengths(compositor, slowed)
    assert length >= 3.0


async def test_shots_without_a_clip_stay_what_they_are(compositor: Compositor, tmp_path: Path) -> None:
    spec = spec_of(2.0, 2.0)
    media = media_of(spec)
    assert await with_clips(spec, media, {}, compositor, tmp_path) == media
    mixed = await with_clips(spec, media, clips_of(tmp_path, 2.0), compositor, tmp_path)
    assert mixed.shots["s2"] == media.shots["s2"]
    assert shown_sources(spec.project, mixed)["s2"] == StillSource("https://e.com/a.png")
