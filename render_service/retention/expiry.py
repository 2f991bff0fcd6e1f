"""Removes what is older than the settings allow, a batch at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from render_service.db.access.audit_log import AuditLog
from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.deletions import Deletions
from render_service.domain.jobs.retention_policy import RetentionPolicy
from render_service.retention.remover import Remover
from render_service.retention.sweep import sweep
from render_service.storage.errors import StorageUnavailable
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_BATCH = 100


class Expiry:
    """Removes what has expired.

    Args:
        ages: How long things are kept.
        removals: Removes rows.
        log: The audit trail.
        store: Where the bytes are.
        remover: Lets bytes follow their rows.
        interval_seconds: The mean time between two looks.
        sweep_every: How many looks lie between two sweeps over the whole store.
    """

    def __init__(
        self,
        ages: RetentionPolicy,
        removals: Deletions,
        log: AuditLog,
        store: ObjectStore,
        remover: Remover,
        *,
        interval_seconds: float = 600.0,
        sweep_every: int = 144,
    ) -> None:
        self._ages = ages
        self._removals = removals
        self._log = log
        self._store = store
        self._remover = remover
        self._interval_seconds = interval_seconds
        self._sweep_every = sweep_every

    async def run(self) -> None:
        """Look until cancelled; stores that are away are tried again."""
        # Somewhere within the day, so that not all servers sweep at once.
        looks = random.randrange(self._sweep_every)  # noqa: S311 - keeps no secret
        while True:
            await asyncio.sleep(self._interval_seconds * random.uniform(0.75, 1.25))  # noqa: S311
            looks += 1
            try:
                await self.expire()
                if looks % self._sweep_every == 0:
                    report = await sweep(self._removals, self._store, delete=True)
                    _log.info("swept", objects=report.objects, orphans=report.orphans, missing=report.missing)
            except (DatabaseUnavailable, StorageUnavailable) as error:
                _log.debug("cannot expire now", error=type(error).__name__)

    async def expire(self) -> dict[str, int]:
        """Remove all that has expired by now; return how many of what.

        Raises:
            DatabaseUnavailable, StorageUnavailable: a store is away; nothing is lost but time.
        """
        ages = self._ages
        found = {
            "jobs": await _in_batches(self._removals.expire_jobs, ages.jobs),
            "videos": await _in_batches(self._removals.expire_videos, ages.videos),
            "clips": await _in_batches(self._removals.expire_clips, ages.clips),
            "audit": await _in_batches(self._log.prune, ages.audit),
            "segments": await self._objects("segments", ages.segments),
            "assets": await self._objects("assets", ages.assets),
        }
        if found["jobs"] or found["videos"]:
            self._remover.nudge()
        if any(found.values()):
            _log.info("expired", **found)
        return found

    async def _objects(self, prefix: str, age: timedelta | None) -> int:
        """Remove objects by their own age: they are a memory, and what is missing is made again."""
        if age is None:
            return 0
        before = datetime.now(UTC) - age
        removed = 0
        async for info in self._store.list(prefix):
            if info.updated < before:
                await self._store.delete(info.key)
                removed += 1
        return removed


async def _in_batches(expire: "_Expire", age: timedelta | None) -> int:
    if age is None:
        return 0
    total = 0
    while removed := await expire(age=age, batch=_BATCH):
        total += removed
    return total


_Expire = Callable[..., Awaitable[int]]
