"""Dispatches messages for due jobs: right after a commit, and periodically.

The message of a new job is usually sent without the outbox: its row is stored as sent, and the message follows the
commit. Where it does not, because Redis fails or the process ends, the row returns to the outbox, as after any lost
message.
"""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

from render_service.db.jobs.job_outbox import JobOutbox
from render_service.queue.broker import RenderQueue
from render_service.runtime.batch_sender import BatchSender
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.metrics.shared import MESSAGES_SENT

_BATCH = 100
# With this many messages waiting, every worker has enough hints; the rest stays in Postgres and costs Redis nothing.
_ENOUGH_WAITING = 1_000
# How long the number of waiting messages counts as known: with few of them, a new job need not wait for Redis' answer;
# with many, the queue must not run empty unnoticed.
_FEW_FRESH_SECONDS, _MANY_FRESH_SECONDS = 2.0, 0.1
# New jobs bypass the outbox only if Redis answered within this time: a few polls of the outbox.
_ANSWERED_SECONDS = 5.0


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
        self._stored_as_sent = BatchSender(self._send, failure="messages not sent; they are due again")

    def nudge(self) -> None:
        """Dispatch now: a job has become due."""
        self._task.nudge()

    @property
    def sends_directly(self) -> bool:
        """Whether a new job may be stored as sent and passed to `send`: Redis answers, and few messages wait."""
        return self._waiting < _ENOUGH_WAITING / 2 and time.monotonic() - self._counted_at < _ANSWERED_SECONDS

    def send(self, job_id: UUID) -> None:
        """Send the message of a job that was stored as sent, with those of the same moment, without waiting for it."""
        self._stored_as_sent.add(job_id)

    async def close(self, *, timeout_seconds: float) -> None:
        """Wait for the messages that are being sent.

        Args:
            timeout_seconds: The longest time to wait. The reconciler makes messages due that are not sent by then.
        """
        await self._stored_as_sent.close(timeout_seconds=timeout_seconds)

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
            await self._send(due)
            sent += len(due)
            if len(due) < _BATCH:
                return sent

    async def _send(self, job_ids: Sequence[UUID]) -> None:
        """Send messages for jobs that are stored as sent, or make them due again."""
        try:
            await asyncio.to_thread(self._queue.send, job_ids)
        except Exception:
            self._counted_at = float("-inf")  # new jobs go to the outbox until Redis answers
            await self._outbox.put_back(job_ids)
            raise
        self._waiting += len(job_ids)
        MESSAGES_SENT.inc(len(job_ids))

    async def _is_enough_waiting(self) -> bool:
        """Return whether enough messages are waiting. Under load, every new job asks: Redis is not."""
        now = time.monotonic()
        fresh = _FEW_FRESH_SECONDS if self._waiting < _ENOUGH_WAITING / 2 else _MANY_FRESH_SECONDS
        if now - self._counted_at >= fresh:
            self._waiting = await asyncio.to_thread(self._queue.length)
            self._counted_at = now
        return self._waiting >= _ENOUGH_WAITING
