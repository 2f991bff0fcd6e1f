"""Expires jobs, videos, clips and cached objects by their age, a batch at a time."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from render_service.db.access.audit_log import AuditLog
from render_service.db.batches.batches import Batches
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_objects import JobObjects
from render_service.domain.jobs.retention_policy import RetentionPolicy
from render_service.retention.remover import Remover
from render_service.retention.sweep import sweep
from render_service.runtime.periodic import UNAVAILABLE, PeriodicTask
from render_service.storage.keys import font_key
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_BATCH = 100
_UNACCEPTED = timedelta(hours=1)  # longer than any call that stores a batch


class Expiry:
    """Expires what is older than the retention policy allows.

    Args:
        policy: How long data is kept.
        deletions: Deletes rows.
        log: The audit trail.
        store: The object store.
        remover: Deletes the objects of deleted rows.
        objects: Knows which shared objects jobs use.
        batches: Deletes batches whose jobs have expired.
        interval_seconds: The mean time between two runs.
        sweep_every: How many runs there are between two sweeps of the whole store.
    """

    def __init__(
        self,
        policy: RetentionPolicy,
        deletions: Deletions,
        log: AuditLog,
        store: ObjectStore,
        remover: Remover,
        *,
        objects: JobObjects,
        batches: Batches,
        interval_seconds: float = 600.0,
        sweep_every: int = 144,
    ) -> None:
        self._policy = policy
        self._deletions = deletions
        self._objects_in_use = objects
        self._batches = batches
        self._log = log
        self._store = store
        self._remover = remover
        self._sweep_every = sweep_every
        # Random, so that not all servers sweep at once.
        self._runs = random.randrange(sweep_every)  # noqa: S311 - not for cryptography
        self._task = PeriodicTask("expiry", interval_seconds=interval_seconds)

    async def run(self) -> None:
        """Run until cancelled."""
        await self._task.run(self._run_once)

    async def _run_once(self) -> None:
        self._runs += 1
        await self.expire()
        if self._runs % self._sweep_every == 0:
            report = await sweep(self._deletions, self._objects_in_use, self._store, delete=True)
            _log.info("swept", objects=report.objects, orphans=report.orphans, missing=report.missing)

    async def expire(self) -> dict[str, int]:
        """Remove everything that has expired; return how many of each kind.

        A kind that fails does not keep the others from being removed.

        Raises:
            DatabaseUnavailable, StorageUnavailable: a store is unavailable; run again.
        """
        policy = self._policy
        kinds: dict[str, Callable[[], Awaitable[int]]] = {
            "jobs": partial(_in_batches, self._deletions.expire_jobs, policy.jobs),
            "batches": partial(_in_batches, self._batches.expire, policy.jobs),
            "unaccepted_batches": partial(_in_batches, self._batches.expire_unaccepted, _UNACCEPTED),
            "videos": partial(_in_batches, self._deletions.expire_videos, policy.videos),
            "clips": partial(_in_batches, self._deletions.expire_clips, policy.clips),
            "audit": partial(_in_batches, self._log.prune, policy.audit),
            "segments": partial(self._objects, "segments", policy.segments),
            "assets": partial(self._objects, "assets", policy.assets),
            "fonts": self._unused_fonts,
        }
        found, errors = dict.fromkeys(kinds, 0), list[Exception]()
        for kind, expire in kinds.items():
            try:
                found[kind] = await expire()
            except Exception as error:  # noqa: BLE001 - raised after the other kinds
                _log.warning("could not expire", kind=kind, error=type(error).__name__)
                errors.append(error)
        if found["jobs"] or found["videos"]:
            self._remover.nudge()
        if any(found.values()):
            _log.info("expired", **found)
        if errors:
            # A store that is unavailable explains itself; another error is a fault of the service.
            raise next((error for error in errors if not isinstance(error, UNAVAILABLE)), errors[0])
        return found

    async def _unused_fonts(self) -> int:
        """Delete the files of deleted fonts that no job draws with any longer."""
        removed = 0
        while fonts := await self._deletions.unused_fonts(batch=_BATCH):
            await self._store.delete_all([font_key(font.workspace_id, font.sha256, font.id) for font in fonts])
            await self._deletions.forget_fonts(fonts)
            removed += len(fonts)
        return removed

    async def _objects(self, prefix: str, age: timedelta | None) -> int:
        """Remove objects by their own age: they are a cache, and a missing one is made again."""
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
