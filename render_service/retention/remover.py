"""Deletes the objects of deleted jobs: soon after DeleteJob, and after a crash."""

from render_service.db.jobs.deletions import Deletion, Deletions
from render_service.db.jobs.job_objects import JobObjects
from render_service.runtime.periodic import PeriodicTask
from render_service.storage.keys import asset_prefix, job_prefix
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class Remover:
    """Deletes the objects of deleted jobs.

    Their own files go, their assets, and those segments, sounds and clips that no other job uses.

    Args:
        deletions: The deleted jobs whose objects remain.
        objects: Knows which shared objects jobs use.
        store: The object store.
        interval_seconds: The mean time between two runs.
    """

    def __init__(
        self, deletions: Deletions, objects: JobObjects, store: ObjectStore, *, interval_seconds: float = 30.0
    ) -> None:
        self._deletions = deletions
        self._objects = objects
        self._store = store
        self._task = PeriodicTask("remover", interval_seconds=interval_seconds)

    def nudge(self) -> None:
        """Run now: a job was deleted."""
        self._task.nudge()

    async def run(self) -> None:
        """Run until cancelled."""
        await self._task.run(self.remove)

    async def remove(self) -> int:
        """Delete the objects of all deleted jobs; return how many there were.

        Raises:
            DatabaseUnavailable: Postgres is unavailable; nothing is lost.
            StorageUnavailable: The object store is unavailable; nothing is lost.
        """
        objects = 0
        while pending := await self._deletions.pending():
            for removal in pending:
                objects += await self._remove_objects(removal)
            await self._deletions.done(pending)
        if objects:
            _log.info("deleted objects of deleted jobs", objects=objects)
        return objects

    async def _remove_objects(self, job: Deletion) -> int:
        """Delete the objects of one job; repeatable at any point."""
        objects = 0
        for prefix in (job_prefix(job.workspace_id, job.job_id), asset_prefix(job.workspace_id, job.job_id)):
            objects += await self._store.delete_prefix(prefix)
        unshared = await self._objects.release(job.job_id)
        objects += await self._store.delete_all(unshared)
        await self._objects.forget(job.job_id)
        return objects
