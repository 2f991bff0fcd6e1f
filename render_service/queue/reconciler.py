"""Finds what a lost message or a lost worker would have announced."""

import asyncio
import random
from datetime import timedelta

from redis.exceptions import RedisError

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.progress.publisher import Publisher
from render_service.queue.broker import RenderQueue
from render_service.queue.dispatcher import Dispatcher
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.shared import LEASES_RECLAIMED, MESSAGES_LOST

_log = get_logger(__name__)
_BATCH = 100


class Reconciler:
    """Takes expired leases away, and has messages sent again that got lost.

    Args:
        transitions: Changes jobs.
        outbox: Knows which messages were sent.
        queue: The queue they were sent to.
        dispatcher: Is nudged where messages are due again.
        publisher: Tells watchers of changed jobs.
        interval_seconds: The mean time between two looks.
        lost_after: A message counts as lost once its job has been PENDING for this long while the queue is empty.
    """

    def __init__(
        self,
        transitions: JobLifecycle,
        outbox: JobOutbox,
        queue: RenderQueue,
        dispatcher: Dispatcher,
        publisher: Publisher,
        *,
        interval_seconds: float = 2.0,
        lost_after: timedelta = timedelta(seconds=5),
    ) -> None:
        self._transitions = transitions
        self._outbox = outbox
        self._queue = queue
        self._dispatcher = dispatcher
        self._publisher = publisher
        self._interval_seconds = interval_seconds
        self._lost_after = lost_after

    async def run(self) -> None:
        """Reconcile until cancelled; stores that are away are tried again for ever."""
        while True:
            # Spread out, so that many processes do not all look at once.
            await asyncio.sleep(self._interval_seconds * random.uniform(0.75, 1.25))  # noqa: S311 - keeps no secret
            try:
                await self.reconcile()
            except DatabaseUnavailable:
                _log.debug("cannot reconcile: the database is away")
            except RedisError:
                _log.debug("cannot look for lost messages: Redis is away")

    async def reconcile(self) -> None:
        """Look once.

        Raises:
            DatabaseUnavailable: Postgres is away.
            RedisError: Redis is away; expired leases were taken care of all the same.
        """
        while events := await self._transitions.reclaim_expired(batch=_BATCH):
            for event in events:
                LEASES_RECLAIMED.labels(event.status).inc()
                _log.warning("lease expired", job_id=str(event.job_id), attempt=event.attempt, now=event.status)
            await self._publisher.publish(*events)
            self._dispatcher.nudge()
        await self._resend_lost()

    async def _resend_lost(self) -> None:
        # Any message makes a worker take the job that has waited longest. So a lost message matters only once no other
        # waits, and sending again only then keeps duplicates from piling up behind a long queue.
        if await asyncio.to_thread(self._queue.length) > 0:
            return
        if forgotten := await self._outbox.forget_stale(age=self._lost_after, batch=_BATCH):
            MESSAGES_LOST.inc(forgotten)
            _log.info("messages are due again", jobs=forgotten)
            self._dispatcher.nudge()
