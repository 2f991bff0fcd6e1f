"""Hints that a provider's task has changed: from the server that received a callback to the worker that polls the task.

A hint only requests a poll. A lost one costs time, a wrong one costs a poll.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_CHANNEL = "provider_task_hints"
_RECONNECT_SECONDS = 0.5


async def give_hint(redis: "Redis", task_id: UUID) -> None:
    """Notify all workers that a task has changed.

    Args:
        redis: A client with short time-outs.
        task_id: The id of the ledger's row.

    Raises:
        RedisError, OSError, TimeoutError: the hint was not published.
    """
    await redis.publish(_CHANNEL, str(task_id))


class TaskHints:
    """Receives hints for the tasks that a worker polls.

    Args:
        redis: A client without a read time-out; None if there are no callbacks.
    """

    def __init__(self, redis: "Redis | None" = None) -> None:
        self._redis = redis
        self._polled: dict[UUID, set[asyncio.Event]] = {}
        self._listening = False

    @property
    def listening(self) -> bool:
        """Whether hints are received now; only then may polls be rare."""
        return self._listening

    async def run(self) -> None:
        """Listen until cancelled; reconnect when Redis is unavailable."""
        assert self._redis is not None
        while True:
            try:
                await self._listen(self._redis)
            except (RedisError, OSError, TimeoutError) as error:
                _log.warning("not receiving provider hints; polling more often", error=type(error).__name__)
            finally:
                self._listening = False
            await asyncio.sleep(_RECONNECT_SECONDS)

    @contextmanager
    def of(self, task_id: UUID) -> Iterator[asyncio.Event]:
        """Yield an event that is set by each hint for a task."""
        event = asyncio.Event()
        events = self._polled.setdefault(task_id, set())
        events.add(event)
        try:
            yield event
        finally:
            events.discard(event)
            if not events:
                self._polled.pop(task_id, None)

    async def _listen(self, redis: "Redis") -> None:
        async with redis.pubsub() as pubsub:
            await pubsub.subscribe(_CHANNEL)
            async for message in pubsub.listen():
                if message["type"] == "subscribe":
                    self._listening = True
                elif message["type"] == "message":
                    self._receive(message["data"])

    def _receive(self, data: object) -> None:
        try:
            task_id = UUID(data.decode("ascii") if isinstance(data, bytes) else str(data))
        except ValueError:
            _log.warning("ignored an invalid message on the hint channel")
            return
        for event in self._polled.get(task_id, ()):
            event.set()
