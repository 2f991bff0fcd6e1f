"""A connection on the event loop that completes its statements even if the caller is cancelled.

It is used as those of SQLAlchemy's asyncio extension are, which would load the ORM: a tenth of the processor time that
a process takes to start.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.util import greenlet_spawn

_T = TypeVar("_T")
_GRACE_SECONDS = 1.0

_Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
_Rows: TypeAlias = sa.CursorResult[*tuple[Any, ...]]


class UncancellableConnection:
    """A connection from an engine's pool whose cancelled caller waits briefly for the running statement.

    A connection whose statement was interrupted is lost, and a new one costs more than a hundred statements. Under
    load, when callers time out by the hundred, opening connections would leave no time for anything else, even after
    the load has ended.

    Args:
        engine: Its driver is asynchronous.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._taken: sa.Connection | None = None

    async def start(self) -> None:
        """Take a connection from the pool; one that arrives after the caller was cancelled is returned."""
        try:
            await uncancelled(self._take())
        except asyncio.CancelledError:
            if self._taken is not None:
                await self.close()
            raise

    async def execute(self, statement: sa.Executable, parameters: _Parameters = None) -> _Rows:
        """Execute a statement; its rows are in memory."""
        return await uncancelled(greenlet_spawn(self._connection.execute, statement, parameters))

    async def scalar(self, statement: sa.Executable, parameters: _Parameters = None) -> Any:
        """Execute a statement and return the first column of its first row; None where there is none."""
        return (await self.execute(statement, parameters)).scalar()

    async def exec_driver_sql(self, statement: str) -> None:
        """Execute a statement as it is written."""
        await greenlet_spawn(self._connection.exec_driver_sql, statement)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[None]:
        """Run the block in a transaction, which is rolled back if the block raises."""
        transaction = await greenlet_spawn(self._connection.begin)
        try:
            yield
        except BaseException as error:
            await greenlet_spawn(transaction.__exit__, type(error), error, error.__traceback__)
            raise
        await greenlet_spawn(transaction.__exit__, None, None, None)

    async def close(self) -> None:
        """Return it to the pool."""
        await greenlet_spawn(self._connection.close)

    async def _take(self) -> None:
        self._taken = await greenlet_spawn(self._engine.connect)

    @property
    def _connection(self) -> sa.Connection:
        assert self._taken is not None, "not started"
        return self._taken


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
