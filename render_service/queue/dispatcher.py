"""Dispatches messages for due jobs: right after a commit, and periodically."""

import asyncio
import time

from redis.exceptions import RedisError

from render_service.db.jobs.job_outbox import JobOutbox
from render_service.queue.broker import RenderQueue
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.metrics.shared import MESSAGES_SENT

_BATCH = 100
# With this many messages waiting, every worker has enough hints; the rest stays in Postgres and costs Redis nothing.
_ENOUGH_WAITING = 1_000
# How long the number of waiting messages counts as known: with few of them, a new job need not wait for Redis' answer;
# with many, the queue must not run empty unnoticed.
_FEW_FRESH_SECONDS, _MANY_FRESH_SECONDS = 2.0, 0.1


class Dispatcher:
    """Drains the outbox into the queue.

    Args:
        outbox: The due jobs.
        queue: The queue to send to.
        interval_seconds: The mean time between two polls of the outbox.
    """

    def __init__(self, outbox: JobOutbox, queue: RenderQueue, *, interval_seconds: float = 1.0) -> None:
        self._outbox = outbox
        self._queue = queue
        self._task = PeriodicTask("dispatcher", interval_seconds=interval_seconds)
        self._waiting = 0
        self._counted_at = float("-inf")

    def nudge(self) -> None:
        """Dispatch now: a job has become due."""
        self._task.nudge()

    async def run(self) -> None:
        """Dispatch until cancelled."""
        await self._task.run(self.dispatch)

    async def dispatch(self) -> int:
        """Send messages for all due jobs, unless enough are waiting; return how many were sent.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
            RedisError: Redis is unavailable; jobs whose message was not sent are due again.
        """
        sent = 0
        while True:
            if await self._is_enough_waiting():
                return sent
            due = await self._outbox.take(batch=_BATCH)
            if not due:
                return sent
            try:
                await asyncio.to_thread(self._queue.send, due)
            except (RedisError, OSError):
                await self._outbox.put_back(due)
                raise
            sent += len(due)
            self._waiting += len(due)
            MESSAGES_SENT.inc(len(due))
            if len(due) < _BATCH:
                return sent

    async def _is_enough_waiting(self) -> bool:
        """Return whether enough messages are waiting. Under load, every new job asks: Redis is not."""
        now = time.monotonic()
        fresh = _FEW_FRESH_SECONDS if self._waiting < _ENOUGH_WAITING / 2 else _MANY_FRESH_SECONDS
        if now - self._counted_at >= fresh:
            self._waiting = await asyncio.to_thread(self._queue.length)
            self._counted_at = now
        return self._waiting >= _ENOUGH_WAITING
