"""HTTP requests that run to their end when their caller is cancelled.

The connection pool of httpcore 1.0 loses the connection of a request that is cancelled at certain moments: it counts as
busy for ever, and once all connections do, every further request waits in vain. So no cancellation may reach the pool.
An abandoned request ends by its own time-outs. For APIs that the operator has configured; URLs from elsewhere go over
`fetch.transport`, which has no pool.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class UncancellableRequests:
    """The requests of one pool."""

    def __init__(self) -> None:
        self._abandoned: set[asyncio.Task[None]] = set()

    async def run(self, request: Coroutine[Any, Any, T], discard: Callable[[T], Awaitable[None]] | None = None) -> T:
        """Run a request in its own task; a cancelled caller leaves at once, and the request continues.

        Args:
            request: The request; it has time-outs.
            discard: Disposes of the response of an abandoned request, such as by closing it.
        """
        task = asyncio.create_task(request)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            abandoned = asyncio.create_task(_end(task, discard))
            self._abandoned.add(abandoned)
            abandoned.add_done_callback(self._abandoned.discard)
            raise

    async def close(self) -> None:
        """Cancel the abandoned requests; the pool is not used again."""
        abandoned = list(self._abandoned)
        for task in abandoned:
            task.cancel()
        await asyncio.gather(*abandoned, return_exceptions=True)


async def _end(task: "asyncio.Task[T]", discard: Callable[[T], Awaitable[None]] | None) -> None:
    try:
        answer = await task
        if discard is not None:
            await discard(answer)
    except Exception:  # noqa: BLE001 - its caller is gone
        return
