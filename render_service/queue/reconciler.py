"""Finds the jobs of lost workers, the jobs whose message was lost, and workspaces whose turn came too early."""

import asyncio
from datetime import timedelta

from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.progress.publisher import Publisher
from render_service.queue.broker import RenderQueue
from render_service.queue.dispatcher import Dispatcher
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.shared import LEASES_RECLAIMED, MESSAGES_LOST

_log = get_logger(__name__)
_BATCH = 100
_UNSPOKEN_AFTER = timedelta(minutes=1)


class Reconciler:
    """Reclaims expired leases, puts off turns of workspaces that have no job due, and resends lost messages.

    Args:
        lifecycle: Reclaims leases and settles turns.
        outbox: The messages that were sent.
        queue: The queue they were sent to.
        dispatcher: Nudged when messages are due again.
        publisher: Publishes the events of reclaimed jobs.
        interval_seconds: The mean time between two runs.
        lost_after: A message counts as lost when its job has been PENDING this long after it while the queue is empty.
    """

    def __init__(
        self,
        lifecycle: JobLifecycle,
        outbox: JobOutbox,
        queue: RenderQueue,
        dispatcher: Dispatcher,
        publisher: Publisher,
        *,
        interval_seconds: float = 2.0,
        lost_after: timedelta = timedelta(seconds=5),
    ) -> None:
        self._lifecycle = lifecycle
        self._outbox = outbox
        self._queue = queue
        self._dispatcher = dispatcher
        self._publisher = publisher
        self._lost_after = lost_after
        self._task = PeriodicTask("reconciler", interval_seconds=interval_seconds)

    async def run(self) -> None:
        """Reconcile until cancelled."""
        await self._task.run(self.reconcile)

    async def reconcile(self) -> None:
        """Run once.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
            RedisError: Redis is unavailable; expired leases were reclaimed all the same.
        """
        while events := await self._lifecycle.reclaim_expired(batch=_BATCH):
            for event in events:
                LEASES_RECLAIMED.labels(event.status).inc()
                _log.warning("lease expired", job_id=str(event.job_id), attempt=event.attempt, now=event.status)
            await self._publisher.publish(*events)
            self._dispatcher.nudge()
        await self._lifecycle.settle_turns(batch=_BATCH)
        if unspoken := await self._lifecycle.warn_unspoken(age=_UNSPOKEN_AFTER, batch=_BATCH):
            _log.warning("no worker can speak for jobs that wait", jobs=len(unspoken))
            await self._publisher.publish(*unspoken)
        if unserved := await self._lifecycle.warn_unserved(age=_UNSPOKEN_AFTER, batch=_BATCH):
            _log.warning("no worker can do what waiting jobs need", jobs=len(unserved))
            await self._publisher.publish(*unserved)
        await self._resend_lost()

    async def _resend_lost(self) -> None:
        # Any message makes a worker claim the job that has waited longest, so a lost message matters only once no other
        # waits. Resending only then keeps duplicates from piling up behind a long queue.
        if await asyncio.to_thread(self._queue.length) > 0:
            return
        if forgotten := await self._outbox.forget_stale(age=self._lost_after, batch=_BATCH):
            MESSAGES_LOST.inc(forgotten)
            _log.info("messages are due again", jobs=forgotten)
            self._dispatcher.nudge()
