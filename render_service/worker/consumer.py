"""Dramatiq's side of the worker: each message makes one of its threads wait for a coroutine on the event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from dramatiq import Actor, Worker
from dramatiq.brokers.redis import RedisBroker

_POLL_MILLISECONDS = 100


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

    async def stop(self, within: timedelta = timedelta(seconds=30)) -> None:
        """Take no more messages, give back those not begun, and wait for those begun.

        Args:
            within: How long to wait at most; without Redis the threads try for ever to acknowledge their messages.
        """
        await asyncio.to_thread(self._worker.stop, timeout=within // timedelta(milliseconds=1))
