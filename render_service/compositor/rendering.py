"""Makes the pictures of the videos of a render, those of one shape together, and reports how far it is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from render_service.compositor.composition import Composition
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.segments.ports import SegmentRunner, SegmentStore
from render_service.compositor.shared_folder import SegmentRef, segment_file, spec_file
from render_service.compositor.task_group import task_group
from render_service.domain.warning import JobWarning
from render_service.telemetry.metrics.worker import SEGMENTS
from render_service.telemetry.tracing.spans import span

Progress = Callable[[float], Awaitable[None]]
WarningsListener = Callable[[Sequence[JobWarning]], Awaitable[None]]

# Share of the progress that is reported when all segments are there.
_SEGMENTS_DONE = 0.94
CHECKING_FROM = 0.97
"""Share of the progress that is reported when the files are joined; from then on they are checked."""


@dataclass(slots=True)
class ProgressCounter:
    """Counts the frames of all videos that are drawn, and reports the part 0–1 that is done; it never falls.

    Args:
        on_progress: Receives the part.
        total: How many frames are to be drawn, at least one.
    """

    on_progress: Progress
    total: int = 1
    _done: int = 0
    _reported: float = 0.0
    _advanced: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, frames: int) -> None:
        """Count frames that are drawn."""
        self._done += frames
        self._advanced.set()

    async def report(self, part: float) -> None:
        """Report a part. A segment that is begun again is counted again; what is reported never falls."""
        if part > self._reported:
            self._reported = part
            await self.on_progress(part)

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report the frames as they are counted, while the context lasts."""
        async with task_group() as group:
            task = group.create_task(self._report_frames())
            yield
            task.cancel()

    async def _report_frames(self) -> None:
        while True:
            await self._advanced.wait()
            self._advanced.clear()
            await self.report(_SEGMENTS_DONE * min(1.0, self._done / self.total))


@dataclass(frozen=True, slots=True)
class PictureMaker:
    """Makes the pictures of videos that share their drawings, the largest first, and all that waits for them.

    Args:
        compositions: The videos, planned; equal places in their plans hold the same frames.
        runner: Makes the segments.
        store: Where segments are looked for before they are made, and kept.
        progress: Counts the frames.
    """

    compositions: Sequence[Composition]
    runner: SegmentRunner
    store: SegmentStore | None
    progress: ProgressCounter

    async def run(self) -> None:
        """Make all segments, sounds, posters and contact sheets."""
        first = self.compositions[0]
        assets = first.assets
        # A segment that is seen twice has one key, in every video.
        renditions = {refs[0].key: refs for refs in zip(*(one.plan.segments for one in self.compositions), strict=True)}
        copies = Counter(segment.key for segment in first.plan.segments)
        # Long segments first: the short ones at the end keep all processes busy to the last moment.
        waiting = iter(sorted(renditions.values(), key=lambda refs: -refs[0].frames))
        stills = [Countdown({key for key, _ in (*one.plan.stills, one.plan.poster)}) for one in self.compositions]

        async def make_waiting() -> None:
            for refs in waiting:
                await self._make(refs, assets, copies[refs[0].key])
                for ref, countdown in zip(refs, stills, strict=True):
                    countdown.count(ref.key)

        async def make_thumbnails(composition: Composition, countdown: Countdown) -> None:
            await countdown.done.wait()
            await composition.make_thumbnails()

        async def make_sounds() -> None:
            for composition in self.compositions:
                await composition.make_sounds()

        async with task_group() as work:
            work.create_task(make_sounds())
            # As many tasks as segments can be made at once: thousands would keep the event loop busy.
            for _ in range(min(self.runner.width, len(renditions))):
                work.create_task(make_waiting())
            for composition, countdown in zip(self.compositions, stills, strict=True):
                work.create_task(make_thumbnails(composition, countdown))

    async def _make(self, refs: Sequence[SegmentRef], assets: Mapping[str, Asset], copies: int) -> None:
        """Make a segment for all videos, except for those that have it in the store."""
        key, frames = refs[0].key, refs[0].frames
        # A span of this process, although another one renders: worker processes know nothing of traces.
        with span("segment", {"render.segment": key, "render.frames": frames}) as recorded:
            missing = []
            for composition, ref in zip(self.compositions, refs, strict=True):
                path = segment_file(composition.parts, ref.key)
                if self.store is not None and await self.store.get(ref.key, path):
                    SEGMENTS.labels("reused").inc()
                    composition.reused += copies
                else:
                    missing.append((composition, ref, path))
            if not missing:
                recorded.note({"render.segment.reused": True})
                self.progress.count(frames * copies)
                return
            jobs = [await self._job(composition.parts, ref, assets) for composition, ref, _ in missing]
            parts = self.compositions[0].parts
            paths = [path for *_, path in missing]
            await self.runner.run_renditions(jobs, parts, paths, lambda drawn: self.progress.count(drawn * copies))
        for composition, ref, path in missing:
            SEGMENTS.labels("made").inc()
            composition.made += copies
            if self.store is not None and not self.runner.stores:
                await self.store.put(ref.key, path)

    async def _job(self, parts: Path, ref: SegmentRef, assets: Mapping[str, Asset]) -> SegmentJob:
        spec = await asyncio.to_thread(spec_file(parts, ref.key).read_bytes)
        return SegmentJob(spec, {sha256: assets[sha256] for sha256 in ref.assets}, ref.frames)


class Countdown:
    """An event that is set once all of some keys are counted; there is at least one."""

    def __init__(self, keys: set[str]) -> None:
        self._missing = keys
        self.done = asyncio.Event()

    def count(self, key: str) -> None:
        """Count a key; others than those awaited are ignored."""
        self._missing.discard(key)
        if not self._missing:
            self.done.set()
