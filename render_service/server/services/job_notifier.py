"""Notifies watchers and workers of committed changes, without delaying the response."""

import asyncio

from render_service.domain.jobs.job import JobEvent
from render_service.progress.publisher import Publisher
from render_service.queue.dispatcher import Dispatcher


class JobNotifier:
    """Publishes events and nudges the dispatcher, without making the caller wait for Redis.

    Args:
        publisher: Publishes events over Redis.
        dispatcher: Runs at once when a job is due.
    """

    def __init__(self, publisher: Publisher, dispatcher: Dispatcher) -> None:
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._publishing: set[asyncio.Task[None]] = set()

    def notify(self, event: JobEvent) -> None:
        """Publish a committed event."""
        if not event.status.terminal:
            self._dispatcher.nudge()
        task = asyncio.create_task(self._publisher.publish(event))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def close(self, *, timeout_seconds: float) -> None:
        """Wait for the events that are being published; call it before Redis is closed.

        Args:
            timeout_seconds: The longest time to wait. Watchers read what is not published by then from Postgres.
        """
        if not self._publishing:
            return
        _, unpublished = await asyncio.wait(self._publishing, timeout=timeout_seconds)
        for task in unpublished:
            task.cancel()
        await asyncio.gather(*unpublished, return_exceptions=True)
