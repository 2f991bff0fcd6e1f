"""What an operator watches, as Prometheus takes it: calls as they happen, jobs and stores as Postgres tells them."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from render_service.db.database import Database
from render_service.server.interceptor import Call, Guard

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_JOBS = sa.text("""
    SELECT status, count(*) AS jobs, coalesce(extract(epoch FROM now() - min(run_after)), 0) AS age
    FROM jobs WHERE status IN ('PENDING', 'PROCESSING') GROUP BY status
""")
_RECENT = sa.text("""
    SELECT status, coalesce(error_reason, '') AS reason, count(*) AS jobs
    FROM jobs WHERE finished_at > now() - interval '5 minutes' GROUP BY 1, 2
""")
_STAGES = sa.text("""
    SELECT stage, avg(extract(epoch FROM lasted)) AS seconds FROM (
        SELECT e.stage, lead(e.created_at) OVER (PARTITION BY e.job_id ORDER BY e.sequence) - e.created_at AS lasted
        FROM job_events AS e JOIN jobs ON jobs.id = e.job_id AND jobs.finished_at > now() - interval '5 minutes'
    ) AS stages WHERE stage IS NOT NULL AND lasted IS NOT NULL GROUP BY stage
""")
_ORDERS = sa.text("SELECT provider, state, count(*) AS tasks FROM provider_tasks GROUP BY provider, state")
_COSTS = sa.text("""
    SELECT provider, cost_unit, sum(cost_amount) AS amount FROM provider_tasks
    WHERE cost_unit IS NOT NULL GROUP BY provider, cost_unit
""")


class Metrics:
    """The figures of one server process.

    Args:
        watchers: Returns how many watches are open.
    """

    def __init__(self, watchers: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter("render_grpc_calls", "Calls that ended.", ["method", "code"], registry=self.registry)
        self.call_seconds = Histogram(
            "render_grpc_call_seconds",
            "How long calls with one answer took.",
            ["method"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.event_lag = Histogram(
            "render_event_lag_seconds",
            "From the change of a job to its telling to a watcher.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.store_up = Gauge("render_store_up", "Whether a store answers.", ["store"], registry=self.registry)
        self._jobs = Gauge("render_jobs", "Jobs that have not ended.", ["status"], registry=self.registry)
        self._queue_age = Gauge(
            "render_queue_age_seconds", "How long the job that waits longest has been due.", registry=self.registry
        )
        self._recent = Gauge(
            "render_jobs_ended_recently",
            "Jobs that ended in the last five minutes.",
            ["status", "reason"],
            registry=self.registry,
        )
        self._stages = Gauge(
            "render_stage_seconds_recently",
            "How long a stage took on average, of jobs that ended in the last five minutes.",
            ["stage"],
            registry=self.registry,
        )
        self._orders = Gauge(
            "render_provider_orders", "Clips ordered from providers.", ["provider", "state"], registry=self.registry
        )
        self._costs = Gauge(
            "render_provider_cost", "What providers have charged.", ["provider", "unit"], registry=self.registry
        )
        Gauge("render_watchers", "Open watches.", registry=self.registry).set_function(watchers)

    def text(self) -> bytes:
        """Return all figures in the form that Prometheus reads."""
        return generate_latest(self.registry)

    async def refresh(self, database: Database) -> None:
        """Read what Postgres knows; the same at every server, so take the maximum over them, not the sum.

        Raises:
            DatabaseUnavailable: it is away; the figures stay.
        """
        async with database.single() as connection:
            jobs = {row.status: row for row in await connection.execute(_JOBS)}
            recent = (await connection.execute(_RECENT)).all()
            stages = (await connection.execute(_STAGES)).all()
            orders = (await connection.execute(_ORDERS)).all()
            costs = (await connection.execute(_COSTS)).all()
        for status in ("PENDING", "PROCESSING"):
            self._jobs.labels(status).set(jobs[status].jobs if status in jobs else 0)
        self._queue_age.set(max(0.0, float(jobs["PENDING"].age)) if "PENDING" in jobs else 0)
        for gauge in (self._recent, self._stages, self._orders, self._costs):
            gauge.clear()
        for row in recent:
            self._recent.labels(row.status, row.reason).set(row.jobs)
        for row in stages:
            self._stages.labels(row.stage).set(float(row.seconds))
        for row in orders:
            self._orders.labels(row.provider, row.state).set(row.tasks)
        for row in costs:
            self._costs.labels(row.provider, row.cost_unit).set(float(row.amount))


class MeasuringGuard:
    """Counts calls by the status that they end with, and measures those with one answer.

    Args:
        metrics: Where.
        within: The guard that decides on the status.
    """

    def __init__(self, metrics: Metrics, within: Guard) -> None:
        self._metrics = metrics
        self._within = within

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count a call by the status that it ended with."""
        began = time.perf_counter()
        code = grpc.StatusCode.OK.name
        try:
            async with self._within.around(call):
                yield
        except grpc.aio.AbortError:
            code = _name(call.context.code())
            raise
        except BaseException:  # left by the caller, or by the end of the process
            code = grpc.StatusCode.CANCELLED.name
            raise
        finally:
            self._metrics.calls.labels(call.method, code).inc()
            if not call.method.endswith(("/WatchProgress", "/WatchWorkspace", "/DownloadVideo", "/Watch")):
                self._metrics.call_seconds.labels(call.method).observe(time.perf_counter() - began)


def _name(code: object) -> str:
    if isinstance(code, grpc.StatusCode):
        return code.name
    return next((known.name for known in grpc.StatusCode if known.value[0] == code), "UNKNOWN")
