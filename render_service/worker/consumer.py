"""Dramatiq's side of the worker: each message makes one of its threads run one job on the event loop."""

import asyncio
from collections.abc import Awaitable, Callable

from dramatiq import Actor, Worker
from dramatiq.brokers.redis import RedisBroker

from render_service.queue.broker import RENDER_ACTOR, RENDER_QUEUE

_POLL_MILLISECONDS = 100
_FOREVER_MILLISECONDS = 24 * 3600 * 1000


class Consumer:
    """Takes messages and runs a job for each.

    Args:
        broker: Where messages come from.
        slots: How many jobs run at a time; as many threads wait for them.
        run_next: Runs the job that has waited longest; called on `loop`.
        loop: The event loop on which everything runs.
    """

    def __init__(
        self,
        broker: RedisBroker,
        *,
        slots: int,
        run_next: Callable[[], Awaitable[bool]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        async def run() -> None:
            await run_next()

        def render_job(job_id: str) -> None:
            """Run a job: the one that has waited longest, which need not be the one that the message was sent for."""
            asyncio.run_coroutine_threadsafe(run(), loop).result()

        Actor(
            render_job,
            broker=broker,
            actor_name=RENDER_ACTOR,
            queue_name=RENDER_QUEUE,
            priority=0,
            options={},
        )
        self._worker = Worker(broker, worker_timeout=_POLL_MILLISECONDS, worker_threads=slots)

    def start(self) -> None:
        """Begin to take messages."""
        self._worker.start()

    async def stop(self) -> None:
        """Take no more messages, give back those not begun, and wait for those begun."""
        await asyncio.to_thread(self._worker.stop, timeout=_FOREVER_MILLISECONDS)
