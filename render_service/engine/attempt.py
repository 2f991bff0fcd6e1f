"""One attempt at a job: prepare, generate, compose, check, upload."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from render_service.compositor.compositor import CHECKING_FROM, Compositor
from render_service.compositor.media.assets import Media
from render_service.db.jobs.job_lifecycle import Claim
from render_service.db.jobs.job_objects import JobObjects
from render_service.domain.errors import DomainError
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS
from render_service.domain.jobs.job import (
    JobStage,
    Lease,
    ProviderName,
    RawResults,
    RenderSpec,
    Video,
)
from render_service.domain.jobs.needs import JobNeed
from render_service.domain.warning import JobWarning, distinct_warnings
from render_service.engine.alignments import align_narrations
from render_service.engine.assets import fetch_assets
from render_service.engine.fonts import fetch_fonts
from render_service.engine.generated_clips import with_clips
from render_service.engine.job_segments import JobSegments
from render_service.engine.progress_reporter import ProgressReporter
from render_service.engine.recognitions import Recognizer, recognize_shots
from render_service.engine.segments.distributed_runner import DistributedRunner
from render_service.engine.speakers import Dubbed, Narrated, OnSpoken, Speakers
from render_service.engine.video_files import FinishedVideos, store_videos
from render_service.fetch.fetcher import Fetcher, FetchSession
from render_service.providers.generator import Generated, Generation, Generator
from render_service.storage import keys
from render_service.storage.store import ObjectStore
from render_service.telemetry.metrics.worker import STAGE_SECONDS
from render_service.telemetry.tracing.spans import span

# Where the stages of an attempt lie between 0 and 100 %.
_PREPARED = 4.0
_GENERATED = 60.0
_COMPOSED = 95.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt made: a stored video, or the provider's response, or both; and its warnings."""

    video: Video | None
    raw_results: RawResults | None
    warnings: tuple[JobWarning, ...] = ()


class AttemptContext:
    """What attempts work with: the stores, the compositor, and scratch space.

    Args:
        store: Where videos and segments go.
        fetcher: Fetches assets.
        compositor: Puts videos together.
        folder: Scratch space of this process.
        objects: Records which shared objects jobs use.
        runner: Renders segments on all workers; None where this one renders them itself.
        speakers: Speak narrations.
        recognizer: Recognises recordings; None where this worker cannot.
    """

    def __init__(
        self,
        store: ObjectStore,
        fetcher: Fetcher,
        compositor: Compositor,
        folder: Path,
        *,
        objects: JobObjects,
        runner: DistributedRunner | None = None,
        speakers: Speakers | None = None,
        recognizer: Recognizer | None = None,
    ) -> None:
        self.store = store
        self.fetcher = fetcher
        self.compositor = compositor
        self._folder = folder
        self._objects = objects
        self._runner = runner
        self.speakers = speakers or Speakers(None)
        self._recognizer = recognizer

    @property
    def abilities(self) -> tuple[JobNeed, ...]:
        """What this worker can do that a job may need."""
        alignment = (JobNeed.ALIGNMENT,) if self.speakers.local is not None else ()
        return alignment if self._recognizer is None else (*alignment, JobNeed.RECOGNITION)

    def scratch_path(self, lease: Lease) -> Path:
        """Return where an attempt may have its folder."""
        return self._folder / f"{lease.job_id}-{lease.attempt}"

    @asynccontextmanager
    async def scratch(self, lease: Lease) -> AsyncIterator[tuple[Path, FetchSession]]:
        """Yield a folder that is removed afterwards, and what fetches files into it."""
        folder = self.scratch_path(lease)
        folder.mkdir(parents=True)
        with self.fetcher.session(lease.workspace_id) as session:
            try:
                yield folder, session
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @asynccontextmanager
    async def segments(self, lease: Lease, folder: Path) -> AsyncIterator[JobSegments]:
        """Yield the segments of a job, for an attempt that renders in a folder."""
        segments = JobSegments(self.store, lease.workspace_id, partial(self._objects.add, lease))
        rendering = self._runner.attempt(lease, folder) if self._runner is not None else nullcontext()
        async with rendering:
            yield segments
        await segments.close()

    async def check_before_speech(self, spec: RenderSpec, media: Media, folder: Path, *, gets_clips: bool) -> None:
        """Check all that can be known before narrations are paid; see `Compositor.check`."""
        if unspoken := await self.speakers.paid_shots(spec):
            await self.compositor.check(spec, media, folder, gets_clips=gets_clips, unspoken=unspoken)

    async def narrate(
        self, lease: Lease, spec: RenderSpec, media: Media, folder: Path, on_spoken: OnSpoken
    ) -> Narrated:
        """Return a render with the narrations spoken that its project wants spoken; see `Speakers.narrate`."""
        store = JobSegments(self.store, lease.workspace_id, partial(self._objects.add, lease))
        narrated = await self.speakers.narrate(lease, spec, media, store, folder=folder, on_spoken=on_spoken)
        await store.close()
        return narrated

    async def dub(self, lease: Lease, spec: RenderSpec, media: Media, folder: Path, on_spoken: OnSpoken) -> Dubbed:
        """Return the files of a render with its further narrations; see `Speakers.dub`."""
        store = JobSegments(self.store, lease.workspace_id, partial(self._objects.add, lease))
        dubbed = await self.speakers.dub(lease, spec, media, store, folder=folder, on_spoken=on_spoken)
        await store.close()
        return dubbed

    async def find_words(
        self, lease: Lease, spec: RenderSpec, media: Media, folder: Path, report: Callable[[str], Awaitable[None]]
    ) -> tuple[RenderSpec, Media, tuple[JobWarning, ...]]:
        """Return a render with the words of recordings and clips, and warnings where they are not wholly known.

        See `recognize_shots` for what is not written, `align_narrations` for what is; `report` receives progress.
        """
        store = JobSegments(self.store, lease.workspace_id, partial(self._objects.add, lease))
        recognizing, timing = partial(report, "Recognizing speech"), partial(report, "Timing narrations")
        spec, media, unrecognized = await recognize_shots(
            self._recognizer, spec, media, store, folder=folder, working=recognizing
        )
        spec, media, estimated = await align_narrations(
            self.speakers.local, spec, media, store, folder=folder, working=timing
        )
        await store.close()
        return spec, media, (*unrecognized, *estimated)

    async def discard(self, lease: Lease, attempts: Iterable[int]) -> None:
        """Remove what attempts at a job have stored.

        Args:
            lease: A lease of the job.
            attempts: Numbers of attempts that no record points at.
        """
        for attempt in attempts:
            # Objects left because the store is unavailable only cost space.
            with suppress(DomainError):
                await self.store.delete_prefix(keys.attempt_prefix(lease.workspace_id, lease.job_id, attempt))


async def run_attempt(
    claim: Claim, provider: Generator, reporter: ProgressReporter, context: AttemptContext
) -> Outcome:
    """Make the video of a claimed job and store it.

    Args:
        claim: The job.
        provider: Generates the clips or the video.
        reporter: Reports progress.
        context: Services that the attempt uses.

    Raises:
        RenderFailure: the video cannot be made.
        LeaseLost: this worker no longer holds the job.
        DomainError: a store is unavailable.
    """
    lease, spec = claim.lease, claim.spec
    stage = partial(_stage, provider=claim.provider)
    if provider.makes_whole_videos:
        work = Generation(lease, spec, context.scratch_path(lease))
        with stage(JobStage.GENERATING):
            return Outcome(None, (await _generate(provider, work, reporter, start=0, end=100)).raw_results)
    async with context.scratch(lease) as (folder, session):
        generates = claim.provider in GENERATING_PROVIDERS
        await reporter.report(JobStage.PREPARING, 1, "Fetching pictures and sounds")
        # Before anything is generated: a fault that can be found now must not surface after a provider was paid.
        with stage(JobStage.PREPARING):
            media, replaced = await fetch_assets(spec.project, session, folder / "assets")
            fonts = await fetch_fonts(spec.fonts, context.store, folder / "assets")
            media = replace(media, fonts=fonts)
            await reporter.warn(replaced)

            async def spoken_so_far(spoken: int, of: int) -> None:
                percent = 1 + (_PREPARED - 1) * spoken / of
                await reporter.report(JobStage.PREPARING, percent, f"{spoken} of {of} narrations spoken", alive=True)

            await context.check_before_speech(spec, media, folder, gets_clips=generates)
            dubbed = await context.dub(lease, spec, media, folder / "dubs", spoken_so_far)
            narrated = await context.narrate(lease, spec, dubbed.media, folder / "narrations", spoken_so_far)
            finding = partial(reporter.report, JobStage.PREPARING, _PREPARED, alive=True)
            spec, media, unsure = await context.find_words(
                lease, narrated.spec, narrated.media, folder / "narrations", finding
            )
            await reporter.warn(unsure)
            usable = await context.compositor.check(spec, media, folder) if generates else media
        pictures = {shot_id: files.image for shot_id, files in usable.shots.items() if files.image is not None}
        # As StartRender planned it: the length of what was spoken must not change what is submitted and paid.
        work = Generation(lease, claim.spec, folder, pictures)
        with stage(JobStage.GENERATING):
            generated = await _generate(provider, work, reporter, start=_PREPARED, end=_GENERATED)
        what = f"{len(spec.outputs)} videos" if len(spec.outputs) > 1 else "the video"
        composing_from = _GENERATED if generated.clips else _PREPARED

        async def composed_so_far(fraction: float) -> None:
            percent = composing_from + fraction * (_COMPOSED - composing_from)
            if fraction < CHECKING_FROM:
                await reporter.report(JobStage.COMPOSING, percent, f"Composing {what}")
            else:
                await reporter.report(JobStage.CHECKING, percent, f"Checking {what}")

        await reporter.report(JobStage.COMPOSING, composing_from, f"Composing {what}")
        with stage(JobStage.COMPOSING):
            media = await with_clips(spec, media, generated.clips, context.compositor, folder)
            async with context.segments(lease, folder) as segments:
                # Before the clips are used: from here on they are kept for as long as this job is.
                await segments.use(generated.object_keys)
                composed = await context.compositor.compose_all(
                    spec,
                    media,
                    workdir=folder,
                    segments=segments,
                    on_progress=composed_so_far,
                    on_warnings=reporter.warn,
                    content_id=str(lease.job_id),
                )
        await reporter.report(JobStage.UPLOADING, _COMPOSED, f"Storing {what}")
        with stage(JobStage.UPLOADING):
            finished = FinishedVideos(claim.spec, composed, narrated.requests, dubbed.requests)
            video = await store_videos(lease, finished, context.store)
    results = generated.raw_results or RawResults("completed", extra={"provider": claim.provider.value})
    warnings = distinct_warnings((*reporter.warnings, *(warning for one in composed for warning in one.warnings)))
    extra = {
        "narrations": [*narrated.results, *dubbed.results],
        "warnings": [warning.message for warning in warnings],
    }
    reported = {name: value for name, value in extra.items() if value}
    return Outcome(video, replace(results, extra={**results.extra, **reported}), warnings)


@contextmanager
def _stage(stage: JobStage, *, provider: ProviderName) -> Iterator[None]:
    """Measure a stage and record it in the trace."""
    with STAGE_SECONDS.labels(stage, provider).time(), span(stage.lower(), {"render.stage": stage}):
        yield


async def _generate(
    provider: Generator, work: Generation, reporter: ProgressReporter, *, start: float, end: float
) -> Generated:
    async def generated_so_far(fraction: float, message: str) -> None:
        # A provider that reports is at work: queues may be long, and some report no percentage.
        await reporter.report(JobStage.GENERATING, start + fraction * (end - start), message, alive=True)

    return await provider.generate(work, generated_so_far)
