"""One video on its way: hands the work to processes, and reports how far it is."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from render_service.compositor.encoding.chapter import Chapter
from render_service.compositor.encoding.sprite_sheet import SpriteSheet
from render_service.compositor.inspection import inspect_media
from render_service.compositor.media.assets import Asset, Media
from render_service.compositor.pacing import at_target_tempo
from render_service.compositor.processes.limits import MIXING
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.segments.content_hashes import name_media
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.segments.ports import SegmentRunner, SegmentStore
from render_service.compositor.shared_folder import (
    CHAPTERS_NAME,
    THUMBNAIL_TIMES_NAME,
    THUMBNAILS_NAME,
    TIMELINE_NAME,
    Plan,
    Request,
    SegmentRef,
    segment_file,
    sound_file,
    sound_spec_file,
    spec_file,
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
from render_service.domain.warning import JobWarning, WarningCode
from render_service.telemetry.metrics.worker import SEGMENTS
from render_service.telemetry.tracing.spans import span

Progress = Callable[[float], Awaitable[None]]
WarningsListener = Callable[[Sequence[JobWarning]], Awaitable[None]]

# Share of the progress that is reported when all segments are there.
_SEGMENTS_DONE = 0.94
CHECKING_FROM = 0.97
"""Share of the progress that is reported when the file is joined; from then on it is checked."""


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
    """One render on its way.

    Args:
        spec: The render.
        media: Its files.
        workdir: Where the results go.
        parts: Where everything else goes.
        store: Where segments are looked for before they are made, and kept.
        on_progress: Receives the part 0–1 that is done.
        share: Where the work is done.
        runner: Makes the segments.
        on_warnings: Receives the warnings that are known before anything is drawn.
        content_id: What identifies the video in its own metadata.
    """

    spec: RenderSpec
    media: Media
    workdir: Path
    parts: Path
    store: SegmentStore | None
    on_progress: Progress
    share: Share
    runner: SegmentRunner
    on_warnings: WarningsListener | None = None
    content_id: str = ""
    _made: int = 0
    _reused: int = 0
    _frames_done: int = 0
    _frames_total: int = 1
    _reported: float = 0.0
    _advanced: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> ComposedVideo:
        """Compose; see `Compositor.compose`."""
        inspected = await inspect_media(self.share, self.media, self.spec.project)
        self.spec, inspected = await at_target_tempo(self.share, self.spec, inspected, self.parts)
        request = Request(self.spec, inspected.media, inspected.facts, inspected.hashes, self.content_id)
        await asyncio.to_thread(request.write, self.parts)
        srt, vtt, words = (self.parts / name for name in ("captions.srt", "captions.vtt", "words.json"))
        plan = await self.share.run(plan_composition, self.parts, srt, vtt, words)
        if self.on_warnings is not None:
            await self.on_warnings((*inspected.warnings, *plan.warnings))
        poster, sheet = self.workdir / "poster.jpg", self.workdir / "contact-sheet.jpg"
        assets = name_media(inspected.media, inspected.hashes).assets
        sounds = await self._make_all(plan, assets, poster, sheet)
        output = self.spec.output
        path = self.workdir / video_name(output)
        async with task_group() as group:
            group.create_task(self._join(path))
            if plan.sprites is not None:
                group.create_task(self.share.run(draw_sprites, self.parts))
        await self._report(CHECKING_FROM)
        with span("checking", {"render.frames": plan.frames}):
            check = await self.share.run(verify_composition, self.parts, path, sounds)
        await self._report(1.0)
        return ComposedVideo(
            path=path,
            poster=poster,
            contact_sheet=sheet,
            captions_srt=srt.rename(self.workdir / srt.name),
            captions_vtt=vtt.rename(self.workdir / vtt.name),
            words=words.rename(self.workdir / words.name),
            stems=self._keep_stems(sounds),
            sidecars=self._keep_sidecars(),
            chapters=plan.chapters,
            sprites=plan.sprites,
            sound_sha256=sounds[0].packets if sounds else "",
            dub_sha256s=tuple(sound.packets for sound in sounds[1:]),
            width=output.width,
            height=output.height,
            fps=output.fps,
            frames=plan.frames,
            content_type=output.container.content_type,
            check=check,
            segments_made=self._made,
            segments_reused=self._reused,
            warnings=(*inspected.warnings, *plan.warnings, *_quiet_sounds(sounds, assets)),
        )

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

    async def _make_all(
        self, plan: Plan, assets: Mapping[str, Asset], poster: Path, sheet: Path
    ) -> tuple[SoundFacts, ...]:
        self._frames_total = plan.frames
        segments = {segment.key: segment for segment in plan.segments}
        copies = Counter(segment.key for segment in plan.segments)
        # Long segments first: the short ones at the end keep all processes busy to the last moment.
        order = sorted(segments.values(), key=lambda segment: -segment.frames)
        waiting = iter(order)
        stills = _Countdown({key for key, _ in (*plan.stills, plan.poster)})

        async def make_waiting() -> None:
            for segment in waiting:
                await self._make(segment, assets, copies[segment.key])
                stills.count(segment.key)

        async with task_group() as group:
            reporting = group.create_task(self._report_progress())
            async with task_group() as work:
                mixing = work.create_task(self._make_sounds(plan, assets))
                # As many tasks as segments can be made at once: thousands would keep the event loop busy.
                for _ in range(min(self.runner.width, len(order))):
                    work.create_task(make_waiting())
                work.create_task(self._make_thumbnails(stills, poster, sheet))
            reporting.cancel()
        return mixing.result()

    async def _make(self, segment: SegmentRef, assets: Mapping[str, Asset], copies: int) -> None:
        path = segment_file(self.parts, segment.key)
        # A span of this process, although another one renders: worker processes know nothing of traces.
        with span("segment", {"render.segment": segment.key, "render.frames": segment.frames}) as recorded:
            if self.store is not None and await self.store.get(segment.key, path):
                recorded.note({"render.segment.reused": True})
                SEGMENTS.labels("reused").inc()
                self._reused += copies
                self._count(segment.frames * copies)
                return
            spec = await asyncio.to_thread(spec_file(self.parts, segment.key).read_bytes)
            job = SegmentJob(spec, {sha256: assets[sha256] for sha256 in segment.assets}, segment.frames)
            await self.runner.run(job, self.parts, path, lambda frames: self._count(frames * copies))
        SEGMENTS.labels("made").inc()
        self._made += copies
        if self.store is not None and not self.runner.stores:
            await self.store.put(segment.key, path)

    async def _make_sounds(self, plan: Plan, assets: Mapping[str, Asset]) -> tuple[SoundFacts, ...]:
        """Mix the tracks of sound, one after the other: the pictures take all processes but one meanwhile."""
        return tuple([await self._make_sound(track, heard, assets) for track, heard in enumerate(plan.sounds)])

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

    async def _make_thumbnails(self, stills: "_Countdown", poster: Path, sheet: Path) -> None:
        """Write poster and contact sheet as soon as their segments are there, while others are still being made."""
        await stills.done.wait()
        await self.share.run(draw_thumbnails, self.parts, poster, sheet)

    def _count(self, frames: int) -> None:
        self._frames_done += frames
        self._advanced.set()

    async def _report_progress(self) -> None:
        while True:
            await self._advanced.wait()
            self._advanced.clear()
            await self._report(_SEGMENTS_DONE * min(1.0, self._frames_done / self._frames_total))

    async def _report(self, part: float) -> None:
        # A segment that is begun again is counted again; what is reported never falls.
        if part > self._reported:
            self._reported = part
            await self.on_progress(part)


class _Countdown:
    """An event that is set once all of some keys are counted; there is at least one."""

    def __init__(self, keys: set[str]) -> None:
        self._missing = keys
        self.done = asyncio.Event()

    def count(self, key: str) -> None:
        """Count a key; others than those awaited are ignored."""
        self._missing.discard(key)
        if not self._missing:
            self.done.set()


def _quiet_sounds(sounds: Sequence[SoundFacts], assets: Mapping[str, Asset]) -> Iterator[JobWarning]:
    what = f"the sound stays quiet, as it is raised by at most {MOST_GAIN_DB:g} dB; record it louder"
    for asset in (assets[sha256] for sha256 in dict.fromkeys(sha256 for sound in sounds for sha256 in sound.quiet)):
        yield JobWarning(WarningCode.SOUND_TOO_QUIET, f"{asset.name}: {what}", asset.shot_id or "", asset.field)
