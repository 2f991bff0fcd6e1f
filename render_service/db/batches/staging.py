"""Stores the rows of a batch while they are being checked, a few at a time."""

import asyncio

from render_service.db.batches.batches import Batches, StagedRow
from render_service.db.jobs.job_inserts import new_job
from render_service.db.row_mapping import PROJECT, RENDER_SPEC
from render_service.domain.access.quota import Quotas
from render_service.domain.batches.batch import NewBatch
from render_service.domain.jobs.request import JobRequest
from render_service.domain.projects.project import Project

MAX_BATCH_BYTES = 256 * 1024 * 1024
"""The most bytes of the jobs of a batch together, as JSON."""
_CHUNK_BYTES = 2 * 1024 * 1024
_CHUNK_ROWS = 500
_NO_QUOTAS = Quotas()


class TooManyBytes(Exception):
    """The jobs of a batch have more than MAX_BATCH_BYTES together."""


class RowStage:
    """The rows of one batch. Nobody sees them before the batch is accepted.

    Args:
        batches: Stores them.
        batch: The batch; stored with its first rows.
        is_dry_run: Whether rows are only counted.
    """

    def __init__(self, batches: Batches, batch: NewBatch, *, is_dry_run: bool = False) -> None:
        self._batches = batches
        self._batch = batch
        self._is_dry_run = is_dry_run
        self._rows: list[StagedRow] = []
        self._pending = 0
        self._bytes = 0
        self._is_begun = False

    async def add(self, row: int, key: str, request: JobRequest, *, is_small: bool = False) -> None:
        """Add a row, and store it with others once there are enough.

        Args:
            row: Its place, from 0.
            key: The caller's name of it.
            request: Its job.
            is_small: Whether the job is known to be small; otherwise it is serialized in a thread.

        Raises:
            TooManyBytes: The jobs have too many bytes together.
            DatabaseUnavailable: Postgres is unavailable.
        """
        encoded = _encoded(request) if is_small else await asyncio.to_thread(_encoded, request)
        self.count(len(encoded))
        if self._is_dry_run:
            return
        self._pending += len(encoded)
        self._rows.append(StagedRow(row, key, encoded))
        if self._pending > _CHUNK_BYTES or len(self._rows) >= _CHUNK_ROWS:
            await self.flush()

    def count(self, size: int) -> None:
        """Count the bytes of a row that is not added because one has a fault: it is checked at the same expense.

        Raises:
            TooManyBytes: The jobs have too many bytes together.
        """
        self._bytes += size
        if self._bytes > MAX_BATCH_BYTES:
            raise TooManyBytes

    async def flush(self) -> None:
        """Store the rows that are not stored yet.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        if self._is_dry_run:
            return
        if not self._is_begun:
            await self._batches.begin(self._batch)
            self._is_begun = True
        rows, self._rows, self._pending = self._rows, [], 0
        if rows:
            await self._batches.add_rows(self._batch.id, rows)

    async def discard(self) -> None:
        """Delete what was stored, unless it was accepted.

        Raises:
            DatabaseUnavailable: Postgres is unavailable; retention deletes it later.
        """
        if self._is_begun:
            await self._batches.discard(self._batch.id)


def _encoded(request: JobRequest) -> bytes:
    return new_job(request, RENDER_SPEC.dump_json(request.spec), _NO_QUOTAS, origin=None).encoded


def size_of(project: Project) -> int:
    """Return the bytes of a project as JSON."""
    return len(PROJECT.dump_json(project))
