"""Metrics of jobs across all processes, read from Postgres."""

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.metrics.server import BATCH_ROWS_WAITING, JOBS, PROVIDER_TASKS, QUEUE_AGE_SECONDS

_JOBS = sa.text("""
    SELECT status, count(*) AS jobs, coalesce(extract(epoch FROM now() - min(run_after)), 0) AS age
    FROM jobs WHERE status IN ('PENDING', 'PROCESSING') GROUP BY status
""")
# Open tasks only: an index holds them, while counting all would scan the table each time.
_PROVIDER_TASKS = sa.text("""
    SELECT provider, state, count(*) AS tasks FROM provider_tasks
    WHERE state IN ('WAITING', 'INTENT', 'SUBMITTED') GROUP BY provider, state
""")
_BATCH_ROWS = sa.text("""
    SELECT count(*) FROM batches JOIN batch_rows ON batch_rows.batch_id = batches.id AND batch_rows.state = 'WAITING'
    WHERE batches.ended_at IS NULL AND batches.accepted_at IS NOT NULL
""")


class JobMetrics:
    """Reads the metrics of jobs from Postgres at an interval.

    Args:
        database: Where the jobs are.
        interval_seconds: The mean time between two reads.
    """

    def __init__(self, database: Database, *, interval_seconds: float = 10.0) -> None:
        self._database = database
        self._task = PeriodicTask("job metrics", interval_seconds=interval_seconds, immediately=True)

    async def run(self) -> None:
        """Read until cancelled; while Postgres is unavailable, the metrics keep their values."""
        await self._task.run(self.refresh)

    async def refresh(self) -> None:
        """Read once.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        async with self._database.single() as connection:
            jobs = {row.status: row for row in await connection.execute(_JOBS)}
            tasks = (await connection.execute(_PROVIDER_TASKS)).all()
            BATCH_ROWS_WAITING.set(await connection.scalar(_BATCH_ROWS))
        for status in ("PENDING", "PROCESSING"):
            JOBS.labels(status).set(jobs[status].jobs if status in jobs else 0)
        # Jobs that wait for another attempt may not be due yet.
        QUEUE_AGE_SECONDS.set(max(0.0, float(jobs["PENDING"].age)) if "PENDING" in jobs else 0)
        PROVIDER_TASKS.clear()
        for row in tasks:
            PROVIDER_TASKS.labels(row.provider, row.state).set(row.tasks)
