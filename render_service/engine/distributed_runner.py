"""Distributes segments over all workers of a cluster, through messages on the queue `compose`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from redis.exceptions import RedisError

from render_service.compositor.segments.spec import SegmentJob
from render_service.domain.errors import DomainError, RenderFailure
from render_service.domain.jobs.job import Lease
from render_service.engine.segment_coordination import SegmentCoordination
from render_service.queue.compose import ComposeQueue, SegmentRequest
from render_service.storage import keys
from render_service.storage.store import ObjectStore

_POLL_SECONDS = 0.1
_SEND_AGAIN_SECONDS = 3.0
_UNAVAILABLE_SECONDS = 3.0
_AT_ONCE = 32


class DistributedRunner:
    """Submits segments, and waits until they are in the object store.

    A message that got lost, or whose worker was killed, is sent again; rendering twice gives the same bytes. While
    Redis is unavailable, segments are rendered here.

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
        self._leases: dict[Path, Lease] = {}

    @asynccontextmanager
    async def attempt(self, lease: Lease, folder: Path) -> AsyncIterator[None]:
        """Render the segments of one attempt at a job, while the context lasts; then its assets are deleted.

        Args:
            lease: The job's lease.
            folder: The folder of the attempt, above the `workdir` of its segments.
        """
        self._leases[folder] = lease
        try:
            yield
        finally:
            del self._leases[folder]
            # Whatever remains because the store is unavailable is deleted together with the job, or by a sweep.
            with suppress(DomainError):
                await self._store.delete_prefix(keys.asset_prefix(lease.workspace_id, lease.job_id, lease.attempt))

    def _lease_of(self, workdir: Path) -> Lease:
        return next(lease for folder, lease in self._leases.items() if workdir.is_relative_to(folder))

    @property
    def width(self) -> int:
        """Most segments in flight at once."""
        return _AT_ONCE

    async def run(self, job: SegmentJob, workdir: Path, output: Path, report: Callable[[int], None]) -> None:
        """Render a segment on any worker; implements `compositor.runner.SegmentRunner`."""
        render_id = uuid5(NAMESPACE_URL, workdir.as_uri())
        lease = self._lease_of(workdir)
        assets = {
            sha256: keys.asset_key(lease.workspace_id, lease.job_id, lease.attempt, sha256) for sha256 in job.assets
        }
        request = SegmentRequest(keys.segment_key(lease.workspace_id, job.key), job.spec, assets, render_id)
        for sha256, asset in job.assets.items():
            await self._offer(assets[sha256], asset.path)
        with suppress(RedisError, OSError):
            await self._coordination.forget_failure(request.key)
        try:
            # A segment that another job of the workspace made may be deleted together with that job.
            while not (await self._made_in_time(request) and await self._store.fetch_to(request.key, output)):
                if self._is_unavailable():
                    await self._make_here(job, workdir, output)
                    await self._store.put_file(request.key, output, content_type="video/mp4")
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

    async def _made_in_time(self, request: SegmentRequest) -> bool:
        """Send a message and wait for its segment; return False if the message seems lost or Redis is unavailable.

        Raises:
            RenderFailure: the segment cannot be rendered.
        """
        with suppress(RedisError, OSError):
            await self._coordination.want(request.render_id)
            await asyncio.to_thread(self._queue.send, request)
        sent = time.monotonic()
        while True:
            if await self._store.head(request.key) is not None:
                return True
            try:
                await self._coordination.want(request.render_id)
                failure = await self._coordination.failure(request.key)
                if failure is not None:
                    raise failure
                overdue = time.monotonic() - sent > _SEND_AGAIN_SECONDS
                if (
                    overdue
                    and not await self._coordination.working(request.key)
                    and await asyncio.to_thread(self._queue.empty)
                ):
                    return False
                self._unavailable_since = None
            except (RedisError, OSError):
                # Without Redis no new messages are delivered; segments already claimed are still rendered.
                sent = time.monotonic()
                self._unavailable_since = self._unavailable_since or sent
                if self._is_unavailable():
                    return False
            await asyncio.sleep(_POLL_SECONDS)
