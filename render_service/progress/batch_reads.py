"""Reads the state of a batch once for all that watch it in this process."""

import asyncio
from uuid import UUID

from render_service.db.batches.batches import Batches
from render_service.domain.batches.batch import Batch
from render_service.progress.shared_result import SharedResult

READ_SECONDS = 0.5
"""The least time between two reads of a batch: each counts its rows, and thousands of jobs report their progress."""


class BatchReads:
    """Reads the state of each batch for all callers that wait for it, at most once in READ_SECONDS.

    A caller waits for a read that begins after its call: no result is older than its request.

    Args:
        batches: The batches in Postgres.
    """

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._waiting: dict[UUID, SharedResult[Batch]] = {}

    async def read(self, batch: Batch) -> Batch:
        """Return a batch as it is now.

        Raises:
            DomainError: BATCH_NOT_FOUND or STORE_UNAVAILABLE.
        """
        result = self._waiting.get(batch.id)
        if result is None:
            result = self._waiting[batch.id] = SharedResult()
            if batch.id not in self._running:
                self._running[batch.id] = asyncio.create_task(self._run(batch.workspace_id, batch.id))
        return await result.wait()

    async def _run(self, workspace_id: str, batch_id: UUID) -> None:
        try:
            while (result := self._waiting.pop(batch_id, None)) is not None:
                try:
                    found = await self._batches.get(workspace_id, batch_id)
                except Exception as error:  # noqa: BLE001 - raised where it was asked for
                    result.fail(error)
                else:
                    result.end(found)
                await asyncio.sleep(READ_SECONDS)
        finally:
            del self._running[batch_id]
