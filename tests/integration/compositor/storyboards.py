"""Small storyboards, and a compositor that many tests share."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np

from render_service.compositor.compositor import ComposedVideo, Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.planning import shown_sources
from render_service.compositor.segments.content_hashes import name_media
from render_service.compositor.sound.mixing import mix_sound
from render_service.compositor.sound.planning import heard_assets, plan_sound
from render_service.compositor.sound.spec import SoundFacts
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import Container, OutputSpec, Quality, VideoCodec
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.timeline import Timeline, plan_timeline
from tests.integration.compositor.inspecting import inspected

SMALL = OutputSpec(320, 180, 30, Quality.STANDARD)


@dataclass(slots=True)
class FolderStore:
    """A segment store in a folder, which remembers what was asked of it."""

    folder: Path
    hits: list[str] = field(default_factory=list)

    async def get(self, key: str, path: Path) -> bool:
        kept = self.folder / key
        if not kept.exists():
            return False
        self.hits.append(key)
        await asyncio.to_thread(shutil.copyfile, kept, path)
        return True

    async def put(self, key: str, path: Path) -> None:
        await asyncio.to_thread(shutil.copyfile, path, self.folder / key)


def photo(path: Path, *, seed: int = 1, width: int = 640, height: int = 420, detail: float = 18) -> Path:
    """Write a picture with soft shapes and fine detail of some strength; every seed gives another."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (6, 9, 3)).astype(np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    fine = random.normal(0, detail, (height // 4, width // 4, 3)).astype(np.float32)
    detailed = picture + cv2.resize(fine, (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), np.clip(detailed, 0, 255).astype(np.uint8))
    return path


def plain(path: Path, colour: tuple[int, int, int], width: int = 320, height: int = 180) -> Path:
    """Write a picture of one colour, given as red, green, blue."""
    cv2.imwrite(str(path), np.full((height, width, 3), colour[::-1], np.uint8))
    return path


def photo_shots(folder: Path, count: int, seconds: float = 1.0) -> tuple[tuple[Shot, ...], Media]:
    """Return shots with photos and captions, and their media."""
    shots, media = [], {}
    for number in range(count):
        shot = Shot(
            f"shot-{number}", caption=f"Caption {number}", image_uri="given", duration=timedelta(seconds=seconds)
        )
        shots.append(shot)
        media[shot.id] = ShotMedia(image=photo(folder / f"{number}.png", seed=number))
    return tuple(shots), Media(media)


def spec_of(shots: Sequence[Shot], output: OutputSpec = SMALL, **project: object) -> RenderSpec:
    """Return a render of some shots."""
    return RenderSpec(Project(shots=tuple(shots), **project), output)  # type: ignore[arg-type]


def small(container: Container, codec: VideoCodec | None = None) -> OutputSpec:
    """Return the small output in another file format, coded otherwise."""
    return OutputSpec(SMALL.width, SMALL.height, SMALL.fps, SMALL.quality, container, codec=codec)


def mix(timeline: Timeline, spec: RenderSpec, media: Media, path: Path) -> SoundFacts:
    """Plan and mix the sound of a render, here and now."""
    hashes = name_media(media, {asset.path: str(asset.path) for asset in media.assets()})
    planned = plan_sound(timeline, spec, hashes)
    return mix_sound(planned.to_bytes(), heard_assets(planned, hashes.assets), path)


def timeline_of(spec: RenderSpec, media: Media) -> Timeline:
    """Return the timeline that a render has."""
    sources = shown_sources(spec.project, media)
    return plan_timeline(spec.project, spec.output.fps, inspected(media).facts, sources)


async def composed(
    compositor: Compositor,
    spec: RenderSpec,
    media: Media,
    workdir: Path,
    store: FolderStore | None = None,
    *,
    content_id: str = "",
) -> ComposedVideo:
    """Compose into a folder, which is made."""
    await asyncio.to_thread(workdir.mkdir, exist_ok=True)

    async def ignore(_: float) -> None:
        pass

    return await compositor.compose(
        spec, media, workdir=workdir, segments=store, on_progress=ignore, content_id=content_id
    )
