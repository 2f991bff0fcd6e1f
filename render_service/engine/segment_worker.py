"""Renders segments submitted by any worker of the cluster."""

import asyncio
import shutil
from collections import OrderedDict
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from redis.exceptions import RedisError

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.job import SegmentJob, build_of
from render_service.domain.errors import DomainError, RenderFailure
from render_service.domain.machine_faults import is_machine_fault
from render_service.engine.machine_gate import MachineGate
from render_service.engine.segments.segment_coordination import SegmentCoordination
from render_service.queue.compose import SegmentRequest
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_SIGN_SECONDS = 1.0
_RENDERS_KEPT = 4
_GATE_SECONDS = 0.5


class SegmentWorker:
    """Renders segments from the queue.

    Args:
        compositor: Renders segments in its processes.
        coordination: Coordinates requester and worker.
        store: Object store for assets and segments.
        folder: Scratch space of this process.
        gate: Whether the machine can render.
    """

    def __init__(
        self,
        compositor: Compositor,
        coordination: SegmentCoordination,
        store: ObjectStore,
        folder: Path,
        *,
        gate: MachineGate,
    ) -> None:
        self._compositor = compositor
        self._coordination = coordination
        self._store = store
        self._folder = folder
        self._gate = gate
        self._renders: OrderedDict[UUID, int] = OrderedDict()
        self._fetching: dict[Path, asyncio.Lock] = {}
        self._making: set[asyncio.Task[object]] = set()
        self._draining = False

    async def drain(self, grace: timedelta) -> None:
        """Wait for the segments that are being rendered, for `grace` at most."""
        self._draining = True
        if self._making:
            await asyncio.wait(self._making, timeout=grace.total_seconds())

    async def make(self, request: SegmentRequest) -> None:
        """Render a segment, unless it is stored or no longer wanted. Never raises: the requester sends it again."""
        current = asyncio.current_task()
        assert current is not None
        self._making.add(current)
        try:
            await self._make_if_wanted(request)
        finally:
            self._making.discard(current)

    async def _make_if_wanted(self, request: SegmentRequest) -> None:
        try:
            # Another build would store other bytes under the same key.
            if build_of(request.spec) != await self._compositor.build():
                _log.warning("requested by another build; left to workers of that build", segment=request.key)
                return
            if not await self._may_make(request) or await self._coordination.working(request.key):
                return
            if await self._store.head(request.key) is not None:
                return
            await self._make_while_wanted(request)
        except RenderFailure as failure:
            if failure.worker_fault:
                self._gate.close()
                _log.warning("segment not made by this worker; it will be requested again", segment=request.key)
                return
            _log.warning("segment cannot be made", segment=request.key, reason=failure.reason)
            with suppress(RedisError, OSError):
                await self._coordination.fail(request.key, failure)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the requester sends it again
            if is_machine_fault(error):
                self._gate.close()
            expected = isinstance(error, DomainError | RedisError | OSError | MemoryError)
            _log.warning(
                "segment not made; it will be requested again",
                segment=request.key,
                error=type(error).__name__,
                exc_info=None if expected else error,
            )

    async def _may_make(self, request: SegmentRequest) -> bool:
        """Wait until the machine can render, and return whether the segment is still wanted."""
        while await self._coordination.wanted(request.render_id):
            if self._gate.is_open:
                return True
            if self._draining:
                return False
            await asyncio.sleep(_GATE_SECONDS)
        return False

    async def _make_while_wanted(self, request: SegmentRequest) -> None:
        making = asyncio.create_task(self._make(request))
        try:
            while not making.done():
                with suppress(RedisError, OSError):
                    await self._coordination.work(request.key)
                    if not await self._coordination.wanted(request.render_id):
                        making.cancel()
                await asyncio.wait((making,), timeout=_SIGN_SECONDS)
        finally:
            making.cancel()
            with suppress(RedisError, OSError):
                await self._coordination.stop_work(request.key)
        if not making.cancelled():
            making.result()

    async def _make(self, request: SegmentRequest) -> None:
        workdir = await asyncio.to_thread(self._enter, request.render_id)
        output = workdir / f"{uuid4().hex}.segment"
        try:
            assets = {sha256: workdir / sha256 for sha256 in request.assets}
            for sha256, path in assets.items():
                await self._fetch(request.assets[sha256], path)
            # The requester, which knows the fields, names the file by its own.
            named = {sha256: Asset(path, sha256) for sha256, path in assets.items()}
            job = SegmentJob(request.spec, named, frames=0)
            await self._compositor.make_segment(job, workdir, output)
            await self._store.put_file(request.key, output, content_type="video/mp4")
        finally:
            await asyncio.to_thread(output.unlink, missing_ok=True)
            self._leave(request.render_id)

    async def _fetch(self, key: str, path: Path) -> None:
        lock = self._fetching.setdefault(path, asyncio.Lock())
        async with lock:
            if not await asyncio.to_thread(path.exists) and not await self._store.fetch_to(key, path):
                raise FileNotFoundError(path.name)

    def _enter(self, render_id: UUID) -> Path:
        """Return the folder of a render here; the least recently used are removed."""
        self._renders[render_id] = self._renders.pop(render_id, 0) + 1
        workdir = self._folder / f"segments-{render_id}"
        workdir.mkdir(exist_ok=True)
        idle = [known for known, users in self._renders.items() if users == 0]
        for known in idle[: max(0, len(self._renders) - _RENDERS_KEPT)]:
            del self._renders[known]
            removed = self._folder / f"segments-{known}"
            self._fetching = {path: lock for path, lock in self._fetching.items() if path.parent != removed}
            shutil.rmtree(removed, ignore_errors=True)
        return workdir

    def _leave(self, render_id: UUID) -> None:
        self._renders[render_id] -= 1
