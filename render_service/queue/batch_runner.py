"""Lets batches go on: their rows become jobs, and batches whose jobs have all ended end."""

from render_service.db.batches.batches import Batches
from render_service.progress.publisher import Publisher
from render_service.queue.dispatcher import Dispatcher
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import BATCHES_ENDED

_log = get_logger(__name__)


class BatchRunner:
    """Takes the steps of all batches, in each server. What a server that stopped left undone, another one does.

    Args:
        batches: The batches.
        dispatcher: Nudged when there are new jobs.
        publisher: Publishes the events of new and of cancelled jobs.
        interval_seconds: The mean time between two runs: how long the place of a job that has ended stays empty in a
            batch with a limit.
    """

    def __init__(
        self, batches: Batches, dispatcher: Dispatcher, publisher: Publisher, *, interval_seconds: float = 0.5
    ) -> None:
        self._batches = batches
        self._dispatcher = dispatcher
        self._publisher = publisher
        self._task = PeriodicTask("batches", interval_seconds=interval_seconds)

    def nudge(self) -> None:
        """Run now: a batch was started, cancelled or retried."""
        self._task.nudge()

    async def run(self) -> None:
        """Run until cancelled."""
        await self._task.run(self.run_once)

    async def run_once(self) -> None:
        """Take steps until none changes anything. Batches take turns, so that none waits for a larger one.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        while True:
            changed = 0
            for batch_id in await self._batches.ready():
                step = await self._batches.step(batch_id)
                changed += step.changed
                if step.ended is not None:
                    BATCHES_ENDED.labels(step.ended.state).inc()
                    counts = {state.lower(): number for state, number in step.ended.counts.items()}
                    _log.info("batch ended", batch_id=str(batch_id), state=step.ended.state.value, **counts)
                if step.events:
                    await self._publisher.publish(*step.events)
                    self._dispatcher.nudge()
            if not changed:
                return
