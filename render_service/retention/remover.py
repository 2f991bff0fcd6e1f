"""Deletes the objects of deleted jobs: soon after DeleteJob, and after a crash."""

from render_service.db.jobs.deletions import Deletions
from render_service.runtime.periodic import PeriodicTask
from render_service.storage.keys import job_prefix
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class Remover:
    """Deletes the objects of deleted jobs.

    Args:
        deletions: The deleted jobs whose objects remain.
        store: The object store.
        interval_seconds: The mean time between two runs.
    """

    def __init__(self, deletions: Deletions, store: ObjectStore, *, interval_seconds: float = 30.0) -> None:
        self._deletions = deletions
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
                objects += await self._store.delete_prefix(job_prefix(removal.workspace_id, removal.job_id))
            await self._deletions.done(pending)
        if objects:
            _log.info("deleted objects of deleted jobs", objects=objects)
        return objects
