"""Notifies watchers and workers of committed changes, without delaying the response."""

from collections.abc import Sequence

from render_service.domain.jobs.job import JobEvent
from render_service.progress.publisher import Publisher
from render_service.queue.dispatcher import Dispatcher
from render_service.runtime.batch_sender import BatchSender


class JobNotifier:
    """Publishes events and nudges the dispatcher, without making the caller wait for Redis.

    Args:
        publisher: Publishes events over Redis.
        dispatcher: Runs at once when a job is due.
    """

    def __init__(self, publisher: Publisher, dispatcher: Dispatcher) -> None:
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._events = BatchSender(self._publish, failure="events not published; watchers read them from Postgres")

    @property
    def sends_directly(self) -> bool:
        """Whether a new job may be stored as sent, if its event is passed to `notify` with `is_sent`."""
        return self._dispatcher.sends_directly

    def notify(self, event: JobEvent, *, is_sent: bool = False) -> None:
        """Publish a committed event, after those before.

        Args:
            event: The event.
            is_sent: Whether the job was stored as sent, so that its message must be sent now.
        """
        if is_sent:
            self._dispatcher.send(event.job_id)
        elif not event.status.terminal:
            self._dispatcher.nudge()
        self._events.add(event)

    async def close(self, *, timeout_seconds: float) -> None:
        """Wait for the events that are being published; call it before Redis is closed.

        Args:
            timeout_seconds: The longest time to wait. Watchers read what is not published by then from Postgres.
        """
        await self._events.close(timeout_seconds=timeout_seconds)

    async def _publish(self, events: Sequence[JobEvent]) -> None:
        await self._publisher.publish(*events)
