"""Dramatiq's side of the worker: each message makes one of its threads wait for a coroutine on the event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any

from dramatiq import Actor, Worker
from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import RedisError

from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_POLL_MILLISECONDS = 100
_STOP_MILLISECONDS = 3_600_000


class Consumer:
    """Takes the messages of one queue.

    Args:
        broker: Where messages come from.
        queue: The queue's name.
        actor: The name of the actor that its messages are for.
        slots: How many messages are worked on at a time; as many threads wait.
        handle: Works on a message, given its arguments; called on `loop`.
        loop: The event loop on which everything runs.
    """

    def __init__(
        self,
        broker: RedisBroker,
        *,
        queue: str,
        actor: str,
        slots: int,
        handle: Callable[..., Coroutine[Any, Any, object]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        def work(*arguments: object) -> None:
            asyncio.run_coroutine_threadsafe(handle(*arguments), loop).result()

        Actor(work, broker=broker, actor_name=actor, queue_name=queue, priority=0, options={})
        self._worker = Worker(broker, queues={queue}, worker_timeout=_POLL_MILLISECONDS, worker_threads=slots)

    def start(self) -> None:
        """Begin to take messages."""
        self._worker.start()

    def stop(self) -> "asyncio.Future[None]":
        """Take no more messages, give back those that were not begun, and wait for those that were.

        Returns:
            A future that is done once all that has happened. Without Redis that may be never: the threads try to
            acknowledge their messages until it is back. Nothing waits for them when the process ends.
        """
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[None] = loop.create_future()

        def stop() -> None:
            try:
                self._worker.stop(timeout=_STOP_MILLISECONDS)
            except RedisError as error:
                # Another consumer of the queue takes them over once the heartbeat of this process is missing.
                _log.warning("messages not given back", error=type(error).__name__)
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_finish, stopped)

        # Not in the loop's own threads: the end of the process would wait for them.
        Thread(target=stop, daemon=True, name="stop consumer").start()
        return stopped


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
