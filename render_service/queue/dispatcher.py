"""Sends messages for jobs that are due; nudged after a commit, and by a timer."""

import asyncio
from contextlib import suppress

from redis.exceptions import RedisError

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.queue.broker import RenderQueue
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.shared import MESSAGES_SENT

_log = get_logger(__name__)
_BATCH = 100
# With this many messages waiting, every worker has enough hints; the rest stays in Postgres and costs Redis nothing.
_ENOUGH_WAITING = 1_000


class Dispatcher:
    """Empties the outbox into the queue.

    Args:
        outbox: What is due.
        queue: Where messages go.
        interval_seconds: The longest time between two looks at the outbox.
    """

    def __init__(self, outbox: JobOutbox, queue: RenderQueue, *, interval_seconds: float = 1.0) -> None:
        self._outbox = outbox
        self._queue = queue
        self._interval_seconds = interval_seconds
        self._nudge = asyncio.Event()

    def nudge(self) -> None:
        """Say that something has become due."""
        self._nudge.set()

    async def run(self) -> None:
        """Dispatch until cancelled; stores that are away are tried again for ever."""
        while True:
            # Not wait_for: Python 3.11's loses a cancellation that comes together with what it waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._nudge.wait()
            self._nudge.clear()
            try:
                await self.dispatch()
            except DatabaseUnavailable:
                _log.debug("cannot dispatch: the database is away")
            except RedisError as error:
                _log.warning("cannot dispatch: Redis is away; jobs wait in the database", error=type(error).__name__)

    async def dispatch(self) -> int:
        """Send messages for all that is due, unless plenty wait already; return how many were sent.

        Raises:
            DatabaseUnavailable: Postgres is away.
            RedisError: Redis is away; what could not be sent is due again.
        """
        sent = 0
        while True:
            if await asyncio.to_thread(self._queue.length) >= _ENOUGH_WAITING:
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
            MESSAGES_SENT.inc(len(due))
