"""Removes the bytes of jobs whose rows are gone: soon after DeleteJob, and whatever a crash has left to do."""

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
    """Lets bytes follow their rows.

    Args:
        removals: Knows which are to go.
        store: Where they are.
        interval_seconds: The longest time between two looks.
    """

    def __init__(self, removals: Deletions, store: ObjectStore, *, interval_seconds: float = 30.0) -> None:
        self._removals = removals
        self._store = store
        self._interval_seconds = interval_seconds
        self._nudge = asyncio.Event()

    def nudge(self) -> None:
        """Say that there is something to remove."""
        self._nudge.set()

    async def run(self) -> None:
        """Remove until cancelled; stores that are away are tried again for ever."""
        while True:
            # Not wait_for: Python 3.11's loses a cancellation that comes together with what it waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._nudge.wait()
            self._nudge.clear()
            try:
                await self.remove()
            except (DatabaseUnavailable, StorageUnavailable) as error:
                _log.debug("cannot remove now", error=type(error).__name__)

    async def remove(self) -> int:
        """Remove all that is to go now; return how many objects there were.

        Raises:
            DatabaseUnavailable: Postgres is away; nothing is forgotten.
            StorageUnavailable: The store is away; nothing is forgotten.
        """
        objects = 0
        while pending := await self._removals.pending():
            for removal in pending:
                objects += await self._store.delete_prefix(job_prefix(removal.workspace_id, removal.job_id))
            await self._removals.done(pending)
        if objects:
            _log.info("removed the bytes of deleted jobs", objects=objects)
        return objects
