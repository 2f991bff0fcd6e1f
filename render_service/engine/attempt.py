"""One attempt at a job: prepare, generate, compose, check, upload."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from render_service.compositor.compositor import ComposedVideo, Compositor
from render_service.compositor.media import Media
from render_service.db.transitions import Claim
from render_service.domain.errors import DomainError
from render_service.domain.job import JobStage, Lease, RawResults, Video
from render_service.domain.output import Container
from render_service.engine.assets import fetch_assets
from render_service.engine.reporter import Reporter
from render_service.fetch.fetcher import Fetcher
from render_service.providers.provider import Generated, Generation, Provider
from render_service.storage import keys
from render_service.storage.store import ObjectStore

# Where the stages of an attempt lie between 0 and 100 %.
_PREPARED = 4.0
_GENERATED = 60.0
_COMPOSED = 95.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt made: a video that is stored, or the provider's own answer, or both."""

    video: Video | None
    raw_results: RawResults | None


class SegmentsInStore:
    """The object store as memo table of rendered segments: present means done.

    Args:
        store: Where they lie.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def get(self, key: str, path: Path) -> bool:
        """Fetch a segment into a file; tell whether there is one."""
        return await self._store.fetch_to(keys.segment_key(key), path)

    async def put(self, key: str, path: Path) -> None:
        """Keep a segment."""
        await self._store.put_file(keys.segment_key(key), path, content_type="video/mp4")


class AttemptRoom:
    """What attempts work with: the stores, the compositor, and scratch space.

    Args:
        store: Where videos and segments go.
        fetcher: Fetches assets.
        compositor: Puts videos together.
        folder: Scratch space of this process.
    """

    def __init__(self, store: ObjectStore, fetcher: Fetcher, compositor: Compositor, folder: Path) -> None:
        self.store = store
        self.fetcher = fetcher
        self.compositor = compositor
        self.segments = SegmentsInStore(store)
        self._folder = folder

    @asynccontextmanager
    async def scratch(self, lease: Lease) -> AsyncIterator[Path]:
        """Lend a folder that is gone afterwards."""
        folder = self._folder / f"{lease.job_id}-{lease.attempt}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def discard(self, lease: Lease, *, but_this: bool = False) -> None:
        """Remove what attempts at a job have stored that no record points at.

        Args:
            lease: The attempt that ended.
            but_this: Whether what this attempt stored is kept, and that of the ones before it removed instead.
        """
        gone = range(1, lease.attempt) if but_this else range(lease.attempt, lease.attempt + 1)
        for attempt in gone:
            # What stays behind because the store is away costs space, not truth.
            with suppress(DomainError):
                await self.store.delete_prefix(keys.attempt_prefix(lease.workspace_id, lease.job_id, attempt))


async def run_attempt(claim: Claim, provider: Provider, reporter: Reporter, room: AttemptRoom) -> Outcome:
    """Make the video of a claimed job and store it.

    Args:
        claim: The job.
        provider: Who makes the pictures.
        reporter: Is told how far it is.
        room: What to work with.

    Raises:
        RenderFailure: it cannot be made.
        LeaseLost: the job is not this worker's any more.
        DomainError: a store is away.
    """
    lease, spec = claim.lease, claim.spec
    async with room.scratch(lease) as folder:
        work = Generation(lease.job_id, lease.task_id, lease.attempt, spec, folder)
        if provider.makes_whole_videos:
            return Outcome(None, (await _generate(provider, work, reporter, start=0, end=100)).raw_results)
        await reporter.tell(JobStage.PREPARING, 1, "Fetching pictures and sounds")
        # Before anything is generated: a bad asset must not cost a provider's money first.
        media, warnings = await fetch_assets(spec.project, room.fetcher, folder / "assets")
        generated = await _generate(provider, work, reporter, start=_PREPARED, end=_GENERATED)
        composing_from = _GENERATED if generated.clips else _PREPARED

        async def composed_so_far(fraction: float) -> None:
            percent = composing_from + fraction * (_COMPOSED - composing_from)
            await reporter.tell_now_and_then(JobStage.COMPOSING, percent, "Composing the video")

        await reporter.tell(JobStage.COMPOSING, composing_from, "Composing the video")
        composed = await room.compositor.compose(
            spec,
            _with_clips(media, generated.clips),
            workdir=folder,
            segments=room.segments,
            on_progress=composed_so_far,
        )
        await reporter.tell(JobStage.UPLOADING, _COMPOSED, "Storing the video")
        video = await _upload(lease, spec.output.container, composed, room.store)
    results = generated.raw_results or RawResults("completed", extra={"provider": claim.provider.value})
    if warnings := [*warnings, *composed.warnings]:
        results = replace(results, extra={**results.extra, "warnings": warnings})
    return Outcome(video, results)


async def _generate(provider: Provider, work: Generation, reporter: Reporter, *, start: float, end: float) -> Generated:
    async def generated_so_far(fraction: float, message: str) -> None:
        await reporter.tell(JobStage.GENERATING, start + fraction * (end - start), message)

    return await provider.generate(work, generated_so_far)


def _with_clips(media: Media, clips: Mapping[str, Path]) -> Media:
    shots = {shot_id: replace(files, clip=clips.get(shot_id, files.clip)) for shot_id, files in media.shots.items()}
    return replace(media, shots=shots)


async def _upload(lease: Lease, container: Container, composed: ComposedVideo, store: ObjectStore) -> Video:
    key = keys.video_key(lease.workspace_id, lease.job_id, lease.attempt, container.value)
    poster_key = keys.poster_key(lease.workspace_id, lease.job_id, lease.attempt)
    sha256 = await asyncio.to_thread(_sha256, composed.path)
    await store.put_file(key, composed.path, content_type=container.content_type)
    await store.put_file(poster_key, composed.poster, content_type="image/jpeg")
    return Video(
        key=key,
        poster_key=poster_key,
        size_bytes=composed.path.stat().st_size,
        sha256=sha256,
        width=composed.width,
        height=composed.height,
        fps=composed.fps,
        frames=composed.frames,
        content_type=container.content_type,
        check=composed.check,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
