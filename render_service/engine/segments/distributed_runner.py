"""Distributes segments over all workers of a cluster, through messages on the queue `compose`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from redis.exceptions import RedisError

from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.task_group import task_group
from render_service.domain.errors import DomainError, RenderFailure
from render_service.domain.jobs.job import Lease
from render_service.engine.segments.segment_coordination import SegmentCoordination
from render_service.queue.compose import ComposeQueue, SegmentRequest
from render_service.storage import keys
from render_service.storage.store import ObjectStore

_POLL_SECONDS = 0.1
_SEND_AGAIN_SECONDS = 3.0
_UNAVAILABLE_SECONDS = 3.0
_MARK_SECONDS = 1.0
_AT_ONCE = 32


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """An attempt that renders, and the lock that its worker holds while it renders one of its segments itself."""

    lease: Lease
    own: asyncio.Lock = field(default_factory=asyncio.Lock)


class _End(Enum):
    """Why waiting for a segment ended."""

    STORED = auto()
    LOST = auto()
    """No worker has its message."""
    BEHIND = auto()
    """Its message waits behind others."""
    UNAVAILABLE = auto()
    """Redis delivers no messages."""


class DistributedRunner:
    """Submits segments, and waits until they are in the object store.

    A message that got lost, or whose worker was killed, is sent again; rendering twice gives the same bytes. While
    Redis is unavailable, segments are rendered here. The queue serves messages in their order, however many one job has
    sent, so a job whose segments wait behind those of others renders one at a time here: as with local rendering, each
    job has a process of its worker.

    Args:
        queue: Queue for segment messages.
        coordination: Coordinates requester and worker.
        store: Object store for assets and segments.
        make_here: Renders a segment in the processes of this worker, given the segment, a scratch folder and the path
            of the result.
    """

    stores = True

    def __init__(
        self,
        queue: ComposeQueue,
        coordination: SegmentCoordination,
        store: ObjectStore,
        make_here: Callable[[SegmentJob, Path, Path], Awaitable[None]],
    ) -> None:
        self._make_here = make_here
        self._unavailable_since: float | None = None
        self._queue = queue
        self._coordination = coordination
        self._store = store
        self._attempts: dict[Path, _Attempt] = {}

    @asynccontextmanager
    async def attempt(self, lease: Lease, folder: Path) -> AsyncIterator[None]:
        """Render the segments of one attempt at a job, while the context lasts; then its assets are deleted.

        Args:
            lease: The job's lease.
            folder: The folder of the attempt, above the `workdir` of its segments.
        """
        self._attempts[folder] = _Attempt(lease)
        try:
            yield
        finally:
            del self._attempts[folder]
            # Whatever remains because the store is unavailable is deleted together with the job, or by a sweep.
            with suppress(DomainError):
                await self._store.delete_prefix(keys.asset_prefix(lease.workspace_id, lease.job_id, lease.attempt))

    def _attempt_in(self, workdir: Path) -> _Attempt:
        return next(attempt for folder, attempt in self._attempts.items() if workdir.is_relative_to(folder))

    @property
    def width(self) -> int:
        """Most segments in flight at once."""
        return _AT_ONCE

    async def run_renditions(
        self, jobs: Sequence[SegmentJob], workdir: Path, outputs: Sequence[Path], report: Callable[[int], None]
    ) -> None:
        """Render segments that differ in their renditions, each on any worker: a message names one segment."""
        async with task_group() as group:
            for place, (job, output) in enumerate(zip(jobs, outputs, strict=True)):
                group.create_task(self.run(job, workdir, output, report if place == 0 else lambda _: None))

    async def run(self, job: SegmentJob, workdir: Path, output: Path, report: Callable[[int], None]) -> None:
        """Render a segment on any worker; implements `compositor.runner.SegmentRunner`."""
        render_id = uuid5(NAMESPACE_URL, workdir.as_uri())
        attempt = self._attempt_in(workdir)
        lease = attempt.lease
        assets = {
            sha256: keys.asset_key(lease.workspace_id, lease.job_id, lease.attempt, sha256) for sha256 in job.assets
        }
        request = SegmentRequest(keys.segment_key(lease.workspace_id, job.key), job.spec, assets, render_id)
        for sha256, asset in job.assets.items():
            await self._offer(assets[sha256], asset.path)
        with suppress(RedisError, OSError):
            await self._coordination.forget_failure(request.key)
        try:
            while True:
                end = await self._wait(request, attempt.own)
                # A segment that another job of the workspace made may be deleted together with that job.
                if end is _End.STORED and await self._store.fetch_to(request.key, output):
                    break
                if end is _End.UNAVAILABLE:
                    await self._make_own(request.key, job, workdir, output)
                    break
                if end is _End.BEHIND:
                    async with attempt.own:
                        await self._make_own(request.key, job, workdir, output)
                    break
        except asyncio.CancelledError:
            with suppress(RedisError, OSError):
                await self._coordination.want_no_more(render_id)
            raise
        except RenderFailure as failure:
            # Another worker knows a file by its hash alone.
            named = job.assets.get(failure.metadata.get("field", ""))
            raise (named.renamed(failure) if named is not None else failure) from None
        report(job.frames)

    def _is_unavailable(self) -> bool:
        """Whether Redis has failed for so long that no worker will receive a message."""
        since = self._unavailable_since
        return since is not None and time.monotonic() - since > _UNAVAILABLE_SECONDS

    async def _offer(self, key: str, path: Path) -> None:
        if await self._store.head(key) is None:
            await self._store.put_file(key, path, content_type="application/octet-stream")

    async def _make_own(self, key: str, job: SegmentJob, workdir: Path, output: Path) -> None:
        """Render a segment here, and store it. Meanwhile other workers leave it alone."""
        marking = asyncio.create_task(self._mark(key))
        try:
            await self._make_here(job, workdir, output)
            await self._store.put_file(key, output, content_type="video/mp4")
        finally:
            marking.cancel()
            with suppress(RedisError, OSError):
                await self._coordination.stop_work(key)

    async def _mark(self, key: str) -> None:
        while True:
            with suppress(RedisError, OSError):
                await self._coordination.work(key)
            await asyncio.sleep(_MARK_SECONDS)

    async def _wait(self, request: SegmentRequest, own: asyncio.Lock) -> _End:
        """Send a message and wait for its segment, or for a reason not to wait any longer.

        Args:
            request: The segment.
            own: Held while this worker renders a segment of the same attempt.

        Raises:
            RenderFailure: the segment cannot be rendered.
        """
        with suppress(RedisError, OSError):
            await self._coordination.want(request.render_id)
            await asyncio.to_thread(self._queue.send, request)
        sent = time.monotonic()
        while True:
            if await self._store.head(request.key) is not None:
                return _End.STORED
            try:
                await self._coordination.want(request.render_id)
                failure = await self._coordination.failure(request.key)
                if failure is not None:
                    raise failure
                overdue = time.monotonic() - sent > _SEND_AGAIN_SECONDS
                if overdue and not await self._coordination.working(request.key):
                    if await asyncio.to_thread(self._queue.empty):
                        return _End.LOST
                    if not own.locked():
                        return _End.BEHIND
                self._unavailable_since = None
            except (RedisError, OSError):
                # Without Redis no new messages are delivered; segments already claimed are still rendered.
                sent = time.monotonic()
                self._unavailable_since = self._unavailable_since or sent
                if self._is_unavailable():
                    return _End.UNAVAILABLE
            await asyncio.sleep(_POLL_SECONDS)
