"""Readiness: probes the stores every few seconds, for health and metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.db.database import Database, DatabaseUnavailable
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.shared import (
    DATABASE_CONNECTIONS,
    DATABASE_CONNECTIONS_BUSY,
    STORE_PROBE_SECONDS,
    STORE_UP,
)

_log = get_logger(__name__)


class Readiness:
    """Probes the stores. A process without Postgres is not ready; one without Redis is, and only works more slowly.

    Args:
        database: The pool to probe.
        redis: The client to probe.
        stop: Set when this process is to end.
        on_change: Receives whether Postgres answers, whenever that changes.
        is_able: Whether this machine can work; None where that is not tested.
        interval_seconds: The mean time between two probes.
    """

    def __init__(
        self,
        database: Database,
        redis: "Redis",
        stop: asyncio.Event,
        on_change: Callable[[bool], Awaitable[None]] | None = None,
        *,
        is_able: Callable[[], bool] | None = None,
        interval_seconds: float = 2.0,
    ) -> None:
        self._database = database
        self._redis = redis
        self._on_change = on_change
        self._is_able = is_able
        self._task = PeriodicTask("readiness", interval_seconds=interval_seconds, immediately=True)
        self._stop = stop
        self._database_up = True

    def is_ready(self) -> bool:
        """Whether this process can work, and is not about to end."""
        able = self._is_able is None or self._is_able()
        return self._database_up and able and not self._stop.is_set()

    async def run(self) -> None:
        """Probe until cancelled."""
        await self._task.run(self._probe)

    async def _probe(self) -> None:
        await asyncio.gather(self._probe_database(), self._probe_redis())

    async def _probe_database(self) -> None:
        began = time.perf_counter()
        try:
            await self._database.ping()
            ready = True
        except DatabaseUnavailable:
            ready = False
        _note("postgres", ready, began)
        if ready != self._database_up:
            self._database_up = ready
            _log.log(30 if not ready else 20, "ready" if ready else "not ready: the database is unavailable")
            if self._on_change is not None:
                await self._on_change(ready)

    async def _probe_redis(self) -> None:
        began = time.perf_counter()
        try:
            await self._redis.ping()
            up = True
        except (RedisError, OSError, TimeoutError):
            up = False
        _note("redis", up, began)


def measure_connections(database: Database) -> None:
    """Set up the metrics of this process's connections to Postgres."""
    DATABASE_CONNECTIONS.set(database.size)
    DATABASE_CONNECTIONS_BUSY.set_function(lambda: database.busy)


def _note(store: str, up: bool, began: float) -> None:
    STORE_UP.labels(store).set(up)
    STORE_PROBE_SECONDS.labels(store).set(time.perf_counter() - began)
