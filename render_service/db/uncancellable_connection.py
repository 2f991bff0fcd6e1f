"""A connection that completes its statements even if the caller is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

_T = TypeVar("_T")
_GRACE_SECONDS = 1.0


class UncancellableConnection(AsyncConnection):
    """As its base, but a cancelled caller waits briefly for the running statement.

    A connection whose statement was interrupted is lost, and a new one costs more than a hundred statements. Under
    load, when callers time out by the hundred, opening connections would leave no time for anything else, even after
    the load has ended.
    """

    async def start(self, is_ctxmanager: bool = False) -> Self:
        """Take a connection from the pool; one that arrives after the caller was cancelled is returned."""
        try:
            await uncancelled(super().start(is_ctxmanager))
        except asyncio.CancelledError:
            if self.sync_connection is not None:
                await self.close()
            raise
        return self

    # SQLAlchemy's signature has many overloads; all arguments are passed on.
    async def execute(self, *arguments: Any, **options: Any) -> Any:
        """Execute a statement."""
        return await uncancelled(super().execute(*arguments, **options))


async def uncancelled(work: Coroutine[Any, Any, _T]) -> _T:
    """Await work that continues for up to a second if the caller is cancelled."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=_GRACE_SECONDS)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # retrieved, so that asyncio does not log it
        raise
