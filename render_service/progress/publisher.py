"""Publishes committed events over Redis. Watchers read unpublished events from Postgres, only later."""

import time
from collections.abc import Callable, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.db.batching import Batcher
from render_service.domain.jobs.job import JobEvent
from render_service.progress.payload import encode_event, task_channel, workspace_channel
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.shared import EVENTS_UNPUBLISHED, JOBS_ENDED

_log = get_logger(__name__)
_LOG_EVERY_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_Message = tuple[tuple[str, str], bytes]  # its channels and its payload


class Publisher:
    """Sends events to the channels of their job and their workspace.

    Args:
        redis: A client with short time-outs.
        on_milestone: Called when changes of state or stage were committed, even while Redis is unavailable.
    """

    def __init__(self, redis: "Redis", on_milestone: Callable[[], None] = lambda: None) -> None:
        self._on_milestone = on_milestone
        self._redis = redis
        # One at a time, so that events of a job are published in their order.
        self._batches = Batcher[Sequence[_Message], None](self._send, parallel=1)
        self._logged_at = -_LOG_EVERY_SECONDS
        self._paused_until = 0.0

    async def publish(self, *events: JobEvent) -> None:
        """Publish committed events, in order. Errors of Redis are only logged: Postgres is the source of truth.

        Raises:
            ValueError: An event cannot be encoded; the others were published.
        """
        for event in events:
            # The process that ends a job publishes it, exactly once.
            if event.status.terminal:
                JOBS_ENDED.labels(event.status, event.error.reason if event.error else "").inc()
        if not events:
            return
        if any(event.is_milestone for event in events):
            self._on_milestone()
        # Encoded here, so that an event that cannot be encoded fails for its caller alone.
        messages: list[_Message] = []
        fault: ValueError | None = None
        for event in events:
            try:
                messages.append(_message(event))
            except ValueError as error:
                fault = error
        if messages:
            await self._batches.call(messages)
        if fault is not None:
            raise fault

    async def _send(self, batches: Sequence[Sequence[_Message]]) -> Sequence[None]:
        messages = [message for batch in batches for message in batch]
        if time.monotonic() < self._paused_until:
            EVENTS_UNPUBLISHED.inc(len(messages))
            return [None] * len(batches)
        pipeline = self._redis.pipeline(transaction=False)
        for channels, payload in messages:
            for channel in channels:
                pipeline.publish(channel, payload)
        try:
            await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            EVENTS_UNPUBLISHED.inc(len(messages))
            now = time.monotonic()
            # An unavailable Redis must not delay every step of the work by its time-out.
            self._paused_until = now + _PAUSE_SECONDS
            if now - self._logged_at >= _LOG_EVERY_SECONDS:
                self._logged_at = now
                _log.warning("progress not published; watchers will read it from Postgres", error=type(error).__name__)
        return [None] * len(batches)


def _message(event: JobEvent) -> _Message:
    return (task_channel(event.task_id), workspace_channel(event.workspace_id)), encode_event(event)
