"""Composes a storyboard into a finished, checked video: timeline, segments, sound, join, check."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from render_service.compositor.captions.cues import Cue
from render_service.compositor.encoding.gif import write_gif
from render_service.compositor.encoding.muxing import Chapter, MuxInput, mux
from render_service.compositor.encoding.thumbnails import write_thumbnails
from render_service.compositor.media.assets import Asset, Media
from render_service.compositor.media.probing import ClipFacts, probe_clip, probe_sound
from render_service.compositor.media.retiming import slow_down
from render_service.compositor.processes.pool import ProcessPool
from render_service.compositor.processes.segment_runner import PoolRunner
from render_service.compositor.segments.content_hashes import MediaHashes, hash_files, name_media
from render_service.compositor.segments.plan import PlannedSegment
from render_service.compositor.segments.planning import ProbedShare, plan_pictures, probe_share, shown_sources
from render_service.compositor.segments.ports import SegmentRunner, SegmentStore
from render_service.compositor.segments.spec import SegmentJob
from render_service.compositor.sound.cache import SoundCache
from render_service.compositor.sound.mixing import SoundFacts, mix_sound
from render_service.compositor.sound.planning import heard_assets, plan_sound
from render_service.compositor.text.drawn_texts import caption_text, clean_text
from render_service.compositor.verification.video import check_video
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import Container
from render_service.domain.projects.sequence import INTRO_ID
from render_service.domain.projects.shot_source import CardSource
from render_service.domain.projects.timeline import Timeline, plan_timeline
from render_service.telemetry.metrics.worker import SEGMENTS
from render_service.telemetry.tracing.spans import span

Progress = Callable[[float], Awaitable[None]]

# What every worker process imports before its first task.
_MODULES = (
    "render_service.compositor.segments.planning",
    "render_service.compositor.drawing.segment",
    "render_service.compositor.sound.mixing",
    "render_service.compositor.verification.video",
    "render_service.compositor.encoding.thumbnails",
)

# Share of the progress that is told when all segments are there.
_SEGMENTS_DONE = 0.94
CHECKING_FROM = 0.97
"""Share of the progress that is told when the file is joined; from then on it is checked."""
_CHAPTER_TITLE = 60


@dataclass(frozen=True, slots=True)
class ComposedVideo:
    """A finished video and what belongs to it; all files lie in the render's work folder.

    Args:
        path: The video.
        poster: A JPEG of one of its frames.
        contact_sheet: A JPEG with a frame of every shot.
        width: Sides in pixels.
        height: Sides in pixels.
        fps: Frames per second.
        frames: Length.
        content_type: Media type of the video.
        check: What the check found; JSON values only.
        segments_made: How many segments were rendered.
        segments_reused: How many came from the store.
        timeline: Which shot is seen when.
        cues: The captions, for sidecar files.
        warnings: Faults of files that a card replaces, in words.
    """

    path: Path
    poster: Path
    contact_sheet: Path
    width: int
    height: int
    fps: int
    frames: int
    content_type: str
    check: Mapping[str, Any]
    segments_made: int
    segments_reused: int
    timeline: Timeline
    cues: tuple[Cue, ...]
    warnings: tuple[str, ...]


class Compositor:
    """Composes videos with warm worker processes; one a worker, used by all its jobs.

    Args:
        processes: How many processes work; one a core is right.
        runner: Who makes the segments; None makes them in the processes here.
    """

    def __init__(self, *, processes: int, runner: SegmentRunner | None = None) -> None:
        self._pool = ProcessPool(processes, _MODULES)
        self._local = PoolRunner(self._pool)
        self._runner: SegmentRunner = runner or self._local

    async def start(self) -> None:
        """Start the processes."""
        await self._pool.start()

    async def close(self) -> None:
        """Stop the processes; renders that still run fail."""
        await self._pool.close()

    async def make_segment(self, job: SegmentJob, workdir: Path, output: Path) -> None:
        """Make one segment in the processes here, whoever ordered it; as `SegmentRunner.run`."""
        await self._local.run(job, workdir, output, lambda _: None)

    async def look_at_clip(self, path: Path) -> ClipFacts:
        """Find out what a clip is.

        Raises:
            RenderFailure: ASSET_INVALID where it cannot be used.
        """
        return await self._pool.run(probe_clip, Asset(path, "clip"))

    async def sound_length(self, asset: Asset) -> timedelta:
        """Measure a sound; raises as `look_at_clip`."""
        return await self._pool.run(probe_sound, asset)

    async def slow_clip(self, path: Path, output: Path, factor: float) -> None:
        """Write a clip that lasts `factor` times as long, without its sound; raises as `look_at_clip`."""
        await self._pool.run(slow_down, Asset(path, "clip"), output, factor)

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that are alive."""
        return self._pool.pids

    @property
    def busy(self) -> int:
        """How many processes are at work."""
        return self._pool.busy

    async def compose(
        self,
        spec: RenderSpec,
        media: Media,
        *,
        workdir: Path,
        segments: SegmentStore | None,
        on_progress: Progress,
    ) -> ComposedVideo:
        """Compose a video.

        Cancelling the task kills what works for it and leaves nothing behind outside the work folder.

        Args:
            spec: The render, validated.
            media: Local files; a shot with neither picture nor clip becomes a card.
            workdir: An existing folder for this render alone; the results lie in it, the rest is removed.
            segments: Where segments are looked for before they are made, and kept; None makes all of them.
            on_progress: Is told the part 0–1 that is done; never less than before. What it raises ends the render.

        Returns:
            The video.

        Raises:
            RenderFailure: ASSET_INVALID, GLYPH_MISSING, COMPOSE_FAILED or CHECK_FAILED.
        """
        parts = workdir / "parts"
        parts.mkdir(exist_ok=True)
        composition = _Composition(spec, media, workdir, parts, segments, on_progress, self._pool, self._runner)
        try:
            return await composition.run()
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, parts, ignore_errors=True))


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks as a group that raises what the first of them raised, not a group of errors."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


@dataclass(slots=True)
class _Composition:
    """One render on its way."""

    spec: RenderSpec
    media: Media
    workdir: Path
    parts: Path
    store: SegmentStore | None
    on_progress: Progress
    pool: ProcessPool
    runner: SegmentRunner
    made: int = 0
    reused: int = 0
    _frames_done: int = 0
    _frames_total: int = 1
    _told: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> ComposedVideo:
        async with _together() as group:
            hashing, probing = group.create_task(hash_files(self.media)), group.create_task(self._probe())
        hashes, probed = hashing.result(), probing.result()
        # Files that a card replaces are gone from here on.
        self.media = replace(self.media, shots=probed.shots)
        digests = name_media(self.media, hashes)
        timeline = plan_timeline(
            self.spec.project, self.spec.output.fps, probed.facts, shown_sources(self.spec.project, self.media)
        )
        cues, planned = await self.pool.run(plan_pictures, self.spec, timeline, digests)
        sound = self.parts / "sound"
        poster, sheet = self.workdir / "poster.jpg", self.workdir / "contact-sheet.jpg"
        facts_of_sound = await self._make_all(timeline, planned, digests, sound, (poster, sheet))
        path = self.workdir / f"video.{self.spec.output.container.value}"
        files = [(self._file(segment.job), segment.job.frames) for segment in planned]
        chapters = _chapters(timeline, self.spec)
        mux_input = MuxInput(files, sound, timeline.fps, self.spec.output.container, chapters, self.spec.project.title)
        with span("joining"):
            await self.pool.run(_finish, mux_input, path)
        await self._tell(CHECKING_FROM)
        with span("checking", {"render.frames": timeline.frames}):
            check = await self.pool.run(check_video, path, timeline, self.spec, self.media, facts_of_sound)
        await self._tell(1.0)
        output = self.spec.output
        return ComposedVideo(
            path=path,
            poster=poster,
            contact_sheet=sheet,
            width=output.width,
            height=output.height,
            fps=output.fps,
            frames=timeline.frames,
            content_type=output.container.content_type,
            check=check,
            segments_made=self.made,
            segments_reused=self.reused,
            timeline=timeline,
            cues=cues,
            warnings=probed.warnings,
        )

    async def _probe(self) -> ProbedShare:
        """Look at all files, in as many processes as there are."""
        shots = list(self.media.shots.items())
        shares = [dict(shots[number :: self.pool.size]) for number in range(self.pool.size)]
        media = [replace(self.media, shots={}), *(Media(share) for share in shares if share)]
        async with _together() as group:
            policy = self.spec.project.bad_asset_policy
            tasks = [group.create_task(self.pool.run(probe_share, part, policy)) for part in media]
        probed = [task.result() for task in tasks]
        return ProbedShare(
            {shot_id: facts for part in probed for shot_id, facts in part.facts.items()},
            {shot_id: files for part in probed for shot_id, files in part.shots.items()},
            tuple(warning for part in probed for warning in part.warnings),
        )

    async def _make_all(
        self,
        timeline: Timeline,
        planned: tuple[PlannedSegment, ...],
        digests: MediaHashes,
        sound: Path,
        stills: tuple[Path, Path],
    ) -> SoundFacts | None:
        self._frames_total = timeline.frames
        jobs = {segment.job.key: segment.job for segment in planned}
        copies: dict[str, int] = {}
        for segment in planned:
            copies[segment.job.key] = copies.get(segment.job.key, 0) + 1
        # Long segments first: the short ones at the end keep all processes busy to the last moment.
        order = sorted(jobs.values(), key=lambda job: -job.frames)
        gate = asyncio.Semaphore(self.runner.width)
        async with _together() as group:
            teller = group.create_task(self._keep_telling())
            async with _together() as work:
                sounding = work.create_task(self._make_sound(timeline, digests, sound))
                making = {job.key: work.create_task(self._make(job, copies[job.key], gate)) for job in order}
                work.create_task(self._make_stills(timeline, planned, making, stills))
            teller.cancel()
        return sounding.result()

    def _file(self, job: SegmentJob) -> Path:
        return self.parts / f"{job.key}.mkv"

    async def _make(self, job: SegmentJob, copies: int, gate: asyncio.Semaphore) -> None:
        path = self._file(job)
        # Of this process, although another one makes it: what makes it knows nothing of traces.
        async with gate:
            with span("segment", {"render.segment": job.key, "render.frames": job.frames}) as recorded:
                if self.store is not None and await self.store.get(job.key, path):
                    recorded.note({"render.segment.reused": True})
                    SEGMENTS.labels("reused").inc()
                    self.reused += copies
                    self._count(job.frames * copies)
                    return
                await self.runner.run(job, self.parts, path, lambda frames: self._count(frames * copies))
        SEGMENTS.labels("made").inc()
        self.made += copies
        if self.store is not None and not self.runner.stores:
            await self.store.put(job.key, path)

    async def _make_sound(self, timeline: Timeline, hashes: MediaHashes, path: Path) -> SoundFacts | None:
        if self.spec.output.container is Container.GIF:
            return None
        spec = plan_sound(timeline, self.spec, hashes).to_bytes()
        cache = SoundCache(self.store, spec)
        known = await cache.get(path)
        if known is not None:
            return known
        with span("sound"):
            facts = await self.pool.run(mix_sound, spec, heard_assets(self.media, hashes), path)
        await cache.put(path, facts)
        return facts

    def _count(self, frames: int) -> None:
        self._frames_done += frames
        self._news.set()

    async def _keep_telling(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._tell(_SEGMENTS_DONE * min(1.0, self._frames_done / self._frames_total))

    async def _tell(self, part: float) -> None:
        # A segment that is begun again is counted again; what is told never falls.
        if part > self._told:
            self._told = part
            await self.on_progress(part)

    async def _make_stills(
        self,
        timeline: Timeline,
        planned: tuple[PlannedSegment, ...],
        making: Mapping[str, asyncio.Task[None]],
        paths: tuple[Path, Path],
    ) -> None:
        """Write poster and contact sheet as soon as their segments are there, while others are still being made."""
        chosen = _chosen_stills(timeline, planned)
        for job, _ in chosen:
            await making[job.key]
        stills = [(self._file(job), frame) for job, frame in chosen]
        await self.pool.run(write_thumbnails, stills, _poster_shot(timeline), *paths)


def _finish(mux_input: MuxInput, path: Path) -> None:
    if mux_input.container is Container.GIF:
        write_gif([segment for segment, _ in mux_input.segments], mux_input.fps, path)
    else:
        mux(mux_input, path)


def _chosen_stills(timeline: Timeline, planned: tuple[PlannedSegment, ...]) -> list[tuple[SegmentJob, int]]:
    """Return for every shot the segment and its frame that show it best: just after its way in."""
    stills: dict[int, tuple[SegmentJob, int]] = {}
    # JobLifecycle first, so that a shot's body takes their place where there is one, and its first slice the last.
    for segment in sorted(planned, key=lambda one: (one.is_body, -one.start)):
        settled = min(segment.job.frames - 1, timeline.fps // 3) if segment.start == 0 else 0
        stills[segment.shot_index] = (segment.job, settled)
    return [stills[index] for index in sorted(stills)]


def _poster_shot(timeline: Timeline) -> int:
    """The title card stands for the video, else the first shot of the storyboard."""
    for shot in timeline.shots:
        if shot.shot_id != INTRO_ID:
            return shot.index
    return 0


def _chapters(timeline: Timeline, spec: RenderSpec) -> list[Chapter]:
    """One chapter a shot, from the middle of its way in."""
    starts = [shot.start + shot.overlap_in // 2 for shot in timeline.shots]
    ends = [*starts[1:], timeline.frames]
    titles = []
    for shot in timeline.shots:
        card = shot.source.card.title if isinstance(shot.source, CardSource) else ""
        text = card or caption_text(spec.project, shot.shot) or clean_text(shot.shot.visual_description)
        titles.append(_shortened(text) or shot.shot_id.removeprefix("@").capitalize())
    return [Chapter(*chapter) for chapter in zip(titles, starts, ends, strict=True)]


def _shortened(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= _CHAPTER_TITLE else f"{line[: _CHAPTER_TITLE - 1].rstrip()}…"
