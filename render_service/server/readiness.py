"""Whether this server can serve: asked of the stores every few seconds, and told through health."""

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.db.database import Database, DatabaseUnavailable
from render_service.server.metrics import Metrics
from render_service.telemetry import get_logger

_log = get_logger(__name__)
_FIGURES_EVERY = 5


class Readiness:
    """Looks after the stores. Without Postgres there is nothing to serve; without Redis everything is only slower.

    Args:
        database: Asked for a sign of life.
        redis: Asked for a sign of life.
        tell: Told whether this server can serve, whenever that changes.
        metrics: Where figures go; None where nobody reads them.
        interval_seconds: The time between two looks.
    """

    def __init__(
        self,
        database: Database,
        redis: "Redis",
        tell: Callable[[bool], Awaitable[None]],
        metrics: Metrics | None,
        *,
        interval_seconds: float = 2.0,
    ) -> None:
        self._database = database
        self._redis = redis
        self._tell = tell
        self._metrics = metrics
        self._interval_seconds = interval_seconds
        self.ready = True

    async def run(self) -> None:
        """Look until cancelled."""
        looks = 0
        while True:
            await self._look()
            if self._metrics is not None and self.ready and looks % _FIGURES_EVERY == 0:
                try:
                    await self._metrics.refresh(self._database)
                except DatabaseUnavailable:
                    _log.debug("cannot read figures: the database is away")
            looks += 1
            await asyncio.sleep(self._interval_seconds)

    async def _look(self) -> None:
        try:
            await self._database.ping()
            ready = True
        except DatabaseUnavailable:
            ready = False
        if ready != self.ready:
            self.ready = ready
            _log.log(30 if not ready else 20, "ready" if ready else "not ready: the database is away")
            await self._tell(ready)
        if self._metrics is None:
            return
        try:
            await self._redis.ping()
            redis = True
        except (RedisError, OSError, TimeoutError):
            redis = False
        self._metrics.store_up.labels("postgres").set(ready)
        self._metrics.store_up.labels("redis").set(redis)
