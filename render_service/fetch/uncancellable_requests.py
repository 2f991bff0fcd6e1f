"""HTTP requests that go on to their end although nobody waits for them any more.

The connection pool of httpcore 1.0 forgets to take back the connection of a request that is cancelled at certain
moments: it counts as busy for ever, and once all connections do, every further request waits in vain. So no
cancellation may reach the pool. A request that is left alone ends by its own time-outs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class UncancellableRequests:
    """The requests of one pool."""

    def __init__(self) -> None:
        self._left: set[asyncio.Task[None]] = set()

    async def run(self, request: Coroutine[Any, Any, T], discard: Callable[[T], Awaitable[None]] | None = None) -> T:
        """Run a request in a task of its own; whoever is cancelled leaves at once, and the request goes on.

        Args:
            request: The request; it has time-outs.
            discard: What to do with an answer that nobody waits for any more, such as closing it.
        """
        task = asyncio.create_task(request)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            left = asyncio.create_task(_end(task, discard))
            self._left.add(left)
            left.add_done_callback(self._left.discard)
            raise

    async def close(self) -> None:
        """Break off what is still under way; the pool is not used again."""
        left = list(self._left)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _end(task: "asyncio.Task[T]", discard: Callable[[T], Awaitable[None]] | None) -> None:
    try:
        answer = await task
        if discard is not None:
            await discard(answer)
    except Exception:  # noqa: BLE001 - nobody wants to know any more
        return
