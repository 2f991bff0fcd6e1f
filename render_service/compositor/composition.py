"""One video on its way: hands all work but its pictures to processes."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from render_service.compositor.encoding.chapter import Chapter
from render_service.compositor.encoding.sprite_sheet import SpriteSheet
from render_service.compositor.inspection import Inspection
from render_service.compositor.media.assets import Asset
from render_service.compositor.packaging import StreamedVideo, StreamFiles
from render_service.compositor.processes.limits import MIXING
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.segments.content_hashes import name_media
from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.shared_folder import (
    CHAPTERS_NAME,
    THUMBNAIL_TIMES_NAME,
    THUMBNAILS_NAME,
    TIMELINE_NAME,
    Plan,
    Request,
    sound_file,
    sound_spec_file,
    video_name,
)
from render_service.compositor.sound.cache import SoundCache
from render_service.compositor.sound.spec import MOST_GAIN_DB, SoundFacts, stem_file
from render_service.compositor.task_group import task_group
from render_service.compositor.tasks import (
    draw_sprites,
    draw_thumbnails,
    join_composition,
    mix_sound,
    plan_composition,
    verify_composition,
)
from render_service.domain.jobs.job import Artifact, AudioTrackKind, RenderSpec
from render_service.domain.projects.output import OutputSpec
from render_service.domain.warning import JobWarning, WarningCode
from render_service.telemetry.tracing.spans import span


@dataclass(frozen=True, slots=True)
class ComposedVideo:
    """A finished video and what belongs to it; all files lie in the render's work folder.

    Args:
        path: The video.
        poster: A JPEG of one of its frames.
        contact_sheet: A JPEG with a frame of every shot.
        captions_srt: The captions as SubRip.
        captions_vtt: The captions as WebVTT.
        words: The spoken words as JSON.
        stems: The parts of the sound that are files of their own.
        sidecars: The files beside it that were asked for.
        stream: The streams that begin with it.
        chapters: One for each shot.
        sprites: The layout of its sprite sheet; None without one.
        sound_sha256: SHA-256 of the coded packets of its sound; empty without sound.
        dub_sha256s: The same of its further tracks of sound.
        width: Sides in pixels.
        height: Sides in pixels.
        fps: Frames per second.
        frames: Length.
        content_type: Media type of the video.
        check: What the check found; JSON values only.
        segments_made: How many segments were rendered.
        segments_reused: How many came from the store.
        warnings: What viewers of the video may notice.
    """

    path: Path
    poster: Path
    contact_sheet: Path
    captions_srt: Path
    captions_vtt: Path
    words: Path
    stems: Mapping[AudioTrackKind, Path]
    sidecars: Mapping[Artifact, Path]
    stream: Mapping[Artifact, StreamFiles]
    chapters: tuple[Chapter, ...]
    sprites: SpriteSheet | None
    sound_sha256: str
    dub_sha256s: tuple[str, ...]
    width: int
    height: int
    fps: int
    frames: int
    content_type: str
    check: Mapping[str, Any]
    segments_made: int
    segments_reused: int
    warnings: tuple[JobWarning, ...]


@dataclass(slots=True)
class Composition:
    """One video on its way; `PictureMaker` makes its pictures.

    Args:
        spec: The render of this video alone.
        inspected: Its files.
        workdir: Where the results go.
        parts: Where everything else goes.
        store: Where sounds are looked for before they are made, and kept.
        share: Where the work is done.
        content_id: What identifies the video in its own metadata.
        drawn: The output whose pictures it shows, scaled; None where it has its own.
    """

    spec: RenderSpec
    inspected: Inspection
    workdir: Path
    parts: Path
    store: SegmentStore | None
    share: Share
    content_id: str = ""
    drawn: OutputSpec | None = None
    made: int = 0
    """How many segments were rendered for it."""
    reused: int = 0
    """How many came from the store."""
    stream: Mapping[Artifact, StreamFiles] = field(default_factory=dict)
    """The streams that begin with it, once they are made."""
    _planned: Plan | None = None
    _sounds: tuple[SoundFacts, ...] = ()
    _check: Mapping[str, Any] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """The plan, once there is one."""
        assert self._planned is not None
        return self._planned

    @property
    def assets(self) -> Mapping[str, Asset]:
        """Its files by their hashes."""
        return name_media(self.inspected.media, self.inspected.hashes).assets

    async def make_plan(self) -> None:
        """Plan it."""
        found = self.inspected
        request = Request(self.spec, found.media, found.facts, found.hashes, self.content_id, self.drawn)
        await asyncio.to_thread(request.write, self.parts)
        self._planned = await self.share.run(plan_composition, self.parts, *self._texts)

    async def make_sounds(self) -> None:
        """Mix the tracks of sound, one after the other: the pictures take all processes but one meanwhile."""
        assets = self.assets
        self._sounds = tuple(
            [await self._make_sound(track, heard, assets) for track, heard in enumerate(self.plan.sounds)]
        )

    async def make_thumbnails(self) -> None:
        """Write poster and contact sheet, once their segments are there."""
        await self.share.run(draw_thumbnails, self.parts, self._poster, self._sheet)

    async def join(self) -> None:
        """Write the video, once all segments and sounds are there."""
        async with task_group() as group:
            group.create_task(self._join(self._path))
            if self.plan.sprites is not None:
                group.create_task(self.share.run(draw_sprites, self.parts))

    async def verify(self) -> None:
        """Check the video."""
        with span("checking", {"render.frames": self.plan.frames}):
            self._check = await self.share.run(verify_composition, self.parts, self._path, self._sounds)

    def finish(self) -> ComposedVideo:
        """Move everything that belongs to the video to the results, and describe it."""
        output, plan, sounds = self.spec.output, self.plan, self._sounds
        srt, vtt, words = (path.rename(self.workdir / path.name) for path in self._texts)
        return ComposedVideo(
            path=self._path,
            poster=self._poster,
            contact_sheet=self._sheet,
            captions_srt=srt,
            captions_vtt=vtt,
            words=words,
            stems=self._keep_stems(sounds),
            sidecars=self._keep_sidecars(),
            stream=self.stream,
            chapters=plan.chapters,
            sprites=plan.sprites,
            sound_sha256=sounds[0].packets if sounds else "",
            dub_sha256s=tuple(sound.packets for sound in sounds[1:]),
            width=output.width,
            height=output.height,
            fps=output.fps,
            frames=plan.frames,
            content_type=output.container.content_type,
            check=self._check,
            segments_made=self.made,
            segments_reused=self.reused,
            warnings=(*self.inspected.warnings, *plan.warnings, *_quiet_sounds(sounds, self.assets)),
        )

    @property
    def streamed(self) -> StreamedVideo:
        """The video as a rendition of a stream, once it is joined."""
        captions, named = self._texts[1], self.workdir.name
        is_burned = self.spec.project.captions.burn_in is not False
        name = named if self.workdir.parent.name == "outputs" else ""
        return StreamedVideo(name, self.spec.output, self._path, self.plan.frames, captions, is_burned)

    @property
    def _path(self) -> Path:
        return self.workdir / video_name(self.spec.output)

    @property
    def _poster(self) -> Path:
        return self.workdir / "poster.jpg"

    @property
    def _sheet(self) -> Path:
        return self.workdir / "contact-sheet.jpg"

    @property
    def _texts(self) -> tuple[Path, Path, Path]:
        return self.parts / "captions.srt", self.parts / "captions.vtt", self.parts / "words.json"

    async def _join(self, path: Path) -> None:
        with span("joining"):
            await self.share.run(join_composition, self.parts, path)

    def _keep_sidecars(self) -> dict[Artifact, Path]:
        """Move the sidecars that were asked for to the results, and return where they are."""
        wanted = self.spec.output.sidecars
        names = {
            Artifact.THUMBNAILS: THUMBNAILS_NAME if wanted.thumbnails else "",
            Artifact.THUMBNAILS_VTT: THUMBNAIL_TIMES_NAME if wanted.thumbnails else "",
            Artifact.CHAPTERS_VTT: CHAPTERS_NAME if wanted.chapters else "",
            Artifact.TIMELINE: TIMELINE_NAME if wanted.timeline else "",
        }
        return {kind: (self.parts / name).rename(self.workdir / name) for kind, name in names.items() if name}

    def _keep_stems(self, sounds: Sequence[SoundFacts]) -> dict[AudioTrackKind, Path]:
        """Move the stems to the results, and return where they are."""
        kinds = sounds[0].stems if sounds else ()
        return {kind: stem_file(sound_file(self.parts), kind).rename(self.workdir / f"{kind}.flac") for kind in kinds}

    async def _make_sound(self, track: int, heard: Sequence[str], assets: Mapping[str, Asset]) -> SoundFacts:
        path = sound_file(self.parts, track)
        spec = await asyncio.to_thread(sound_spec_file(self.parts, track).read_bytes)
        cache = SoundCache(self.store, spec)
        known = await cache.get(path)
        if known is not None:
            return known
        audible = {sha256: assets[sha256] for sha256 in heard}
        options = TaskOptions(MIXING, next(iter(audible.values())) if len(audible) == 1 else None)
        with span("sound"):
            facts = await self.share.run_with(options, mix_sound, spec, audible, path)
        await cache.put(path, facts)
        return facts


def _quiet_sounds(sounds: Sequence[SoundFacts], assets: Mapping[str, Asset]) -> Iterator[JobWarning]:
    what = f"the sound stays quiet, as it is raised by at most {MOST_GAIN_DB:g} dB; record it louder"
    for asset in (assets[sha256] for sha256 in dict.fromkeys(sha256 for sound in sounds for sha256 in sound.quiet)):
        yield JobWarning(WarningCode.SOUND_TOO_QUIET, f"{asset.name}: {what}", asset.shot_id or "", asset.field)
