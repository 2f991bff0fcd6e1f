"""Hints that a task at a provider has news: from the server that was called back to the worker that follows the task.

A hint only says that a look would pay. One that gets lost costs time, one that is wrong a look.
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
    """Tell all workers that a task has news.

    Args:
        redis: A client with short time-outs.
        task_id: The id of the ledger's row.

    Raises:
        RedisError, OSError, TimeoutError: nobody could be told.
    """
    await redis.publish(_CHANNEL, str(task_id))


class TaskHints:
    """Hears hints for the tasks that a worker follows.

    Args:
        redis: A client without a read time-out; None where nobody calls back.
    """

    def __init__(self, redis: "Redis | None" = None) -> None:
        self._redis = redis
        self._followed: dict[UUID, set[asyncio.Event]] = {}
        self._listening = False

    @property
    def listening(self) -> bool:
        """Whether hints are heard now; only then may looks be few."""
        return self._listening

    async def run(self) -> None:
        """Listen until cancelled; Redis being away is waited for."""
        assert self._redis is not None
        while True:
            try:
                await self._listen(self._redis)
            except (RedisError, OSError, TimeoutError) as error:
                _log.warning("hints of providers are not heard; looking more often", error=type(error).__name__)
            finally:
                self._listening = False
            await asyncio.sleep(_RECONNECT_SECONDS)

    @contextmanager
    def of(self, task_id: UUID) -> Iterator[asyncio.Event]:
        """Lend an event that is set by each hint for a task."""
        event = asyncio.Event()
        events = self._followed.setdefault(task_id, set())
        events.add(event)
        try:
            yield event
        finally:
            events.discard(event)
            if not events:
                self._followed.pop(task_id, None)

    async def _listen(self, redis: "Redis") -> None:
        async with redis.pubsub() as pubsub:
            await pubsub.subscribe(_CHANNEL)
            async for message in pubsub.listen():
                if message["type"] == "subscribe":
                    self._listening = True
                elif message["type"] == "message":
                    self._hear(message["data"])

    def _hear(self, data: object) -> None:
        try:
            task_id = UUID(data.decode("ascii") if isinstance(data, bytes) else str(data))
        except ValueError:
            _log.warning("ignored a foreign message on the channel of hints")
            return
        for event in self._followed.get(task_id, ()):
            event.set()
