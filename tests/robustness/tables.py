"""What the tables say at the end of a run, and writes with leases that were taken away."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle, LeaseLost
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError, JobStage, Lease, RawResults
from render_service.domain.retry import RetryPolicy
from tests.robustness.history import EventRow, History, JobRow, StaleWrite

_JOBS = """
    SELECT id::text, workspace_id, request_id::text, labels ->> 'body' AS body, status, sequence, milestone, attempt
    FROM jobs ORDER BY created_at
"""
_EVENTS = """
    SELECT job_id::text, sequence, milestone, status, coalesce(stage, '') AS stage, progress, attempt
    FROM job_events ORDER BY job_id, sequence
"""
_LEASES = """
    SELECT id, task_id, workspace_id, lease_token, attempt, failed_attempts FROM jobs WHERE lease_token IS NOT NULL
"""
_UNENDED = "SELECT count(*) FROM jobs WHERE status IN ('PENDING', 'PROCESSING')"


async def read_tables(url: str, history: History) -> None:
    """Put the rows of jobs and their events into a history."""
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        events: dict[str, list[EventRow]] = {}
        async for row in await connection.execute(_EVENTS):
            events.setdefault(row.pop("job_id"), []).append(EventRow(**row))
        async for row in await connection.execute(_JOBS):
            job_id = row.pop("id")
            history.jobs[job_id] = JobRow(
                job_id=job_id, workspace=row.pop("workspace_id"), events=tuple(events.get(job_id, ())), **row
            )


async def unended(url: str) -> int:
    """Return how many jobs have not ended."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(_UNENDED)).fetchone()
        assert row is not None
        return int(row[0])


@asynccontextmanager
async def job_lifecycle(url: str, *, lease: timedelta, max_failed_attempts: int = 5) -> AsyncIterator[JobLifecycle]:
    """Lend the statements that change jobs, as a worker uses them."""
    database = Database(url, size=2)
    try:
        yield JobLifecycle(database, lease=lease, retry=RetryPolicy(max_failed_attempts))
    finally:
        await database.close()


class StaleWriter:
    """Notes the leases that workers hold, and writes with them once they were taken away.

    Args:
        url: DATABASE_URL, past all proxies.
        history: Where the outcome is recorded.
        seed: Of the choice of writes.
    """

    def __init__(self, url: str, history: History, seed: int) -> None:
        self._url = url
        self._history = history
        self._choice = random.Random(f"stale writer {seed}")
        self._seen: dict[UUID, Lease] = {}

    async def run(self) -> None:
        """Write until cancelled."""
        async with job_lifecycle(self._url, lease=timedelta(hours=1)) as writes:
            while True:
                await asyncio.sleep(0.5)
                try:
                    held = await self._held()
                except (psycopg.OperationalError, OSError):
                    continue
                gone = [lease for token, lease in self._seen.items() if token not in held]
                self._seen |= held
                for lease in gone:
                    # A token is never given twice: what it opened once, it must not open again.
                    del self._seen[lease.token]
                    await self._write(writes, lease)

    async def _held(self) -> dict[UUID, Lease]:
        async with await psycopg.AsyncConnection.connect(self._url, row_factory=dict_row, connect_timeout=3) as found:
            rows = await (await found.execute(_LEASES)).fetchall()
        return {
            row["lease_token"]: Lease(
                row["id"],
                row["task_id"],
                row["workspace_id"],
                row["lease_token"],
                row["attempt"],
                row["failed_attempts"],
            )
            for row in rows
        }

    async def _write(self, writes: JobLifecycle, lease: Lease) -> None:
        write = self._choice.choice(["report", "renew", "complete", "end_attempt", "release"])
        try:
            accepted = await write_with(writes, lease, write)
        except DatabaseUnavailable:
            return
        self._history.stale_writes.append(StaleWrite(str(lease.job_id), write, accepted))


async def write_with(writes: JobLifecycle, lease: Lease, write: str) -> bool:
    """Write with a lease; return whether it was accepted."""
    try:
        match write:
            case "report":
                await writes.report(lease, stage=JobStage.UPLOADING, progress=99, message="stale")
            case "renew":
                return bool(await writes.renew([lease], no_progress=timedelta(hours=1)))
            case "complete":
                await writes.complete(lease, RawResults("stale"), None)
            case "end_attempt":
                await writes.end_attempt(lease, JobError(ErrorReason.INTERNAL, "stale"), retryable=False)
            case "release":
                await writes.release(lease)
            case _:
                raise ValueError(write)
    except LeaseLost:
        return False
    return True
