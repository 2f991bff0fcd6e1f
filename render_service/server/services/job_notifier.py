"""Notifies watchers and workers of committed changes, without delaying the response."""

import asyncio
from contextvars import Context

from render_service.domain.jobs.job import JobEvent
from render_service.progress.publisher import Publisher
from render_service.queue.dispatcher import Dispatcher
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class JobNotifier:
    """Publishes events and nudges the dispatcher, without making the caller wait for Redis.

    Args:
        publisher: Publishes events over Redis.
        dispatcher: Runs at once when a job is due.
    """

    def __init__(self, publisher: Publisher, dispatcher: Dispatcher) -> None:
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._events: list[JobEvent] = []
        self._publishing: asyncio.Task[None] | None = None

    @property
    def sends_directly(self) -> bool:
        """Whether a new job may be stored as sent, if its event is then passed to `notify` with `is_sent`."""
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
        self._events.append(event)
        if self._publishing is None:
            # The context of one call, with its request id, must not be that of the others.
            self._publishing = asyncio.get_running_loop().create_task(self._publish(), context=Context())

    async def close(self, *, timeout_seconds: float) -> None:
        """Wait for the events that are being published; call it before Redis is closed.

        Args:
            timeout_seconds: The longest time to wait. Watchers read what is not published by then from Postgres.
        """
        if self._publishing is None:
            return
        _, unfinished = await asyncio.wait([self._publishing], timeout=timeout_seconds)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def _publish(self) -> None:
        try:
            while self._events:
                events, self._events = self._events, []
                try:
                    await self._publisher.publish(*events)
                except Exception as error:  # noqa: BLE001 - the events that follow are of other callers
                    _log.error("an event was not published; watchers read it from Postgres", exc_info=error)
        finally:
            self._publishing = None
