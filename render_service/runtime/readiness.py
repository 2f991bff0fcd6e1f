"""Whether this process can do its work: asked of the stores every few seconds, and told through health and figures."""

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
    """Looks after the stores. Without Postgres there is nothing to do; without Redis everything is only slower.

    Args:
        database: Asked for a sign of life.
        redis: Asked for a sign of life.
        stop: Is set once this process is to end.
        tell: Told whether this process can do its work, whenever that changes.
        interval_seconds: The time between two looks.
    """

    def __init__(
        self,
        database: Database,
        redis: "Redis",
        stop: asyncio.Event,
        tell: Callable[[bool], Awaitable[None]] | None = None,
        *,
        interval_seconds: float = 2.0,
    ) -> None:
        self._database = database
        self._redis = redis
        self._tell = tell
        self._task = PeriodicTask("readiness", interval_seconds=interval_seconds, immediately=True)
        self._stop = stop
        self._database_up = True

    def is_ready(self) -> bool:
        """Whether this process can do its work, and is not about to end."""
        return self._database_up and not self._stop.is_set()

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
            _log.log(30 if not ready else 20, "ready" if ready else "not ready: the database is away")
            if self._tell is not None:
                await self._tell(ready)

    async def _probe_redis(self) -> None:
        began = time.perf_counter()
        try:
            await self._redis.ping()
            up = True
        except (RedisError, OSError, TimeoutError):
            up = False
        _note("redis", up, began)


def measure_connections(database: Database) -> None:
    """Have the figures tell how many connections to Postgres this process uses."""
    DATABASE_CONNECTIONS.set(database.size)
    DATABASE_CONNECTIONS_BUSY.set_function(lambda: database.busy)


def _note(store: str, up: bool, began: float) -> None:
    STORE_UP.labels(store).set(up)
    STORE_PROBE_SECONDS.labels(store).set(time.perf_counter() - began)
