"""Measures calls as they happen, and reads the metrics of jobs from Postgres."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.runtime.periodic import PeriodicTask
from render_service.server.interceptors.base import Call, Middleware
from render_service.server.interceptors.tracing import status_code
from render_service.telemetry.metrics.server import CALL_SECONDS, CALLS, JOBS, PROVIDER_ORDERS, QUEUE_AGE_SECONDS

_JOBS = sa.text("""
    SELECT status, count(*) AS jobs, coalesce(extract(epoch FROM now() - min(run_after)), 0) AS age
    FROM jobs WHERE status IN ('PENDING', 'PROCESSING') GROUP BY status
""")
# Only what is open, which an index holds; the rest would be read through over and over.
_ORDERS = sa.text("""
    SELECT provider, state, count(*) AS orders FROM provider_tasks
    WHERE state IN ('WAITING', 'INTENT', 'SUBMITTED') GROUP BY provider, state
""")


class JobMetrics:
    """Reads the metrics of jobs from Postgres at an interval.

    Args:
        database: Where the jobs are.
        interval_seconds: The mean time between two reads.
    """

    def __init__(self, database: Database, *, interval_seconds: float = 10.0) -> None:
        self._database = database
        self._task = PeriodicTask("job metrics", self.refresh, interval_seconds=interval_seconds, immediately=True)

    async def run(self) -> None:
        """Read until cancelled; while Postgres is unavailable, the metrics keep their values."""
        await self._task.run()

    async def refresh(self) -> None:
        """Read once.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        async with self._database.single() as connection:
            jobs = {row.status: row for row in await connection.execute(_JOBS)}
            orders = (await connection.execute(_ORDERS)).all()
        for status in ("PENDING", "PROCESSING"):
            JOBS.labels(status).set(jobs[status].jobs if status in jobs else 0)
        # Jobs that wait for another attempt may not be due yet.
        QUEUE_AGE_SECONDS.set(max(0.0, float(jobs["PENDING"].age)) if "PENDING" in jobs else 0)
        PROVIDER_ORDERS.clear()
        for row in orders:
            PROVIDER_ORDERS.labels(row.provider, row.state).set(row.orders)


class MetricsMiddleware:
    """Counts calls by the status that they end with, and measures those with one answer.

    Args:
        within: The guard that decides on the status.
    """

    def __init__(self, within: Middleware) -> None:
        self._within = within

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count a call by the status that it ended with."""
        began = time.perf_counter()
        code = grpc.StatusCode.OK
        try:
            async with self._within.around(call):
                yield
        except grpc.aio.AbortError:
            code = status_code(call.context)
            raise
        except BaseException:  # left by the caller, or by the end of the process
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            CALLS.labels(call.method, code.name).inc()
            if not call.method.endswith(("/WatchProgress", "/WatchWorkspace", "/DownloadVideo", "/Watch")):
                CALL_SECONDS.labels(call.method).observe(time.perf_counter() - began)
