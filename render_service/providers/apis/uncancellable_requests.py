"""HTTP requests that run to their end when their caller is cancelled.

The connection pool of httpcore 1.0 leaks the connection of a request that is cancelled at certain moments: it counts as
busy forever, and once all connections do, every further request waits until it times out. So no cancellation may reach
the pool; a detached request ends by its own timeouts. Used for APIs that the operator has configured; other URLs are
fetched by `fetch.transport`, which has no pool.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class UncancellableRequests:
    """The requests of one pool."""

    def __init__(self) -> None:
        self._detached: set[asyncio.Task[None]] = set()

    async def run(self, request: Coroutine[Any, Any, T], discard: Callable[[T], Awaitable[None]] | None = None) -> T:
        """Run a request in its own task: when the caller is cancelled, this raises at once and the request continues.

        Args:
            request: The request; it has timeouts.
            discard: Disposes of the response of a detached request, such as by closing it.
        """
        task = asyncio.create_task(request)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            detached = asyncio.create_task(_end(task, discard))
            self._detached.add(detached)
            detached.add_done_callback(self._detached.discard)
            raise

    async def close(self) -> None:
        """Cancel the detached requests; the pool must not be used again."""
        detached = list(self._detached)
        for task in detached:
            task.cancel()
        await asyncio.gather(*detached, return_exceptions=True)


async def _end(task: "asyncio.Task[T]", discard: Callable[[T], Awaitable[None]] | None) -> None:
    try:
        response = await task
        if discard is not None:
            await discard(response)
    except Exception:  # noqa: BLE001 - its caller is gone
        return
