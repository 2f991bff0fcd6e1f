"""Deletes the objects of deleted jobs: soon after DeleteJob, and after a crash."""

import asyncio
from contextlib import suppress

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.deletions import Deletions
from render_service.storage.errors import StorageUnavailable
from render_service.storage.keys import job_prefix
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class Remover:
    """Deletes the objects of deleted jobs.

    Args:
        deletions: The deleted jobs whose objects remain.
        store: The object store.
        interval_seconds: The longest time between two runs.
    """

    def __init__(self, deletions: Deletions, store: ObjectStore, *, interval_seconds: float = 30.0) -> None:
        self._deletions = deletions
        self._store = store
        self._interval_seconds = interval_seconds
        self._nudge = asyncio.Event()

    def nudge(self) -> None:
        """Run now: a job was deleted."""
        self._nudge.set()

    async def run(self) -> None:
        """Run until cancelled; while a store is unavailable, try again later."""
        while True:
            # Not wait_for, which until Python 3.12 loses a cancellation that coincides with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._nudge.wait()
            self._nudge.clear()
            try:
                await self.remove()
            except (DatabaseUnavailable, StorageUnavailable) as error:
                _log.debug("cannot remove now", error=type(error).__name__)

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
