"""Lets batches go on: their rows become jobs, and batches whose jobs have all ended end."""

from collections.abc import Sequence
from time import monotonic
from uuid import UUID

from render_service.db.batches.batches import Batches
from render_service.db.database import DatabaseUnavailable
from render_service.progress.publisher import Publisher
from render_service.queue.dispatcher import Dispatcher
from render_service.runtime.periodic import UNAVAILABLE, PeriodicTask
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import BATCHES_ENDED

_log = get_logger(__name__)
_FIRST_DELAY = 1.0  # seconds
_MAX_DELAY = 300.0


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
        self._delays = _Delays()
        self._task = PeriodicTask("batches", interval_seconds=interval_seconds)

    def nudge(self) -> None:
        """Run now: a batch was started, cancelled or retried."""
        self._task.nudge()

    async def run(self) -> None:
        """Run until cancelled."""
        await self._task.run(self.run_once)

    async def run_once(self) -> None:
        """Take steps until none changes anything. Batches take turns, so that none waits for a larger one.

        A batch whose step fails is left alone for a second, and for longer after each further failure.

        Raises:
            DatabaseUnavailable, RedisError: Postgres or Redis is unavailable.
        """
        while True:
            changed = 0
            for batch_id in await self._batches.ready(without=self._delays.delayed()):
                try:
                    changed += await self._step(batch_id)
                except DatabaseUnavailable:
                    self._delays.add(batch_id)  # perhaps only its own statements are too slow: others go first next
                    raise
                except UNAVAILABLE:
                    raise
                except Exception:  # noqa: BLE001 - a fault of one batch must not stop the others
                    delay = self._delays.add(batch_id)
                    _log.exception("batch cannot go on", batch_id=str(batch_id), retry_seconds=delay)
                else:
                    self._delays.remove(batch_id)
            if not changed:
                return

    async def _step(self, batch_id: UUID) -> int:
        """Take a step of one batch; return how much it changed."""
        step = await self._batches.step(batch_id)
        if step.ended is not None:
            BATCHES_ENDED.labels(step.ended.state).inc()
            counts = {state.lower(): number for state, number in step.ended.counts.items()}
            _log.info("batch ended", batch_id=str(batch_id), state=step.ended.state.value, **counts)
        if step.events:
            await self._publisher.publish(*step.events)
            self._dispatcher.nudge()
        return step.changed


class _Delays:
    """Until when each batch whose last step failed is left alone."""

    def __init__(self) -> None:
        self._until: dict[UUID, tuple[float, float]] = {}  # time, seconds of the delay

    def delayed(self) -> Sequence[UUID]:
        """Return the batches that are left alone now."""
        now = monotonic()
        # Another server may have gone on with a batch, or retention have deleted it.
        self._until = {
            batch_id: (until, delay) for batch_id, (until, delay) in self._until.items() if until + _MAX_DELAY > now
        }
        return [batch_id for batch_id, (until, _) in self._until.items() if until > now]

    def add(self, batch_id: UUID) -> float:
        """Note that a step failed; return for how many seconds the batch is left alone."""
        _, last = self._until.get(batch_id, (0.0, 0.0))
        delay = min(max(2 * last, _FIRST_DELAY), _MAX_DELAY)
        self._until[batch_id] = (monotonic() + delay, delay)
        return delay

    def remove(self, batch_id: UUID) -> None:
        """Note that a step succeeded."""
        self._until.pop(batch_id, None)
