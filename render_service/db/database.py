"""The connection pool: one async path to Postgres for server and worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from pydantic_core import from_json, to_json
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import PoolResetState
from sqlalchemy.util import greenlet_spawn

from render_service.db.batching import Batcher, Item, Result
from render_service.db.prepared import PreparedConnections, Row, Statement, is_idle
from render_service.db.uncancellable_connection import UncancellableConnection, uncancelled
from render_service.db.workspace_shares import WorkspaceShares
from render_service.domain.errors import DomainError, ErrorReason

# The errors of Postgres that are not the fault of a statement. Keys are classes of SQLSTATEs, or whole SQLSTATEs, as in
# appendix A of its manual; values name the fault.
_UNAVAILABLE = {
    "08": "connection lost",
    "25006": "read-only",  # after a failover, or because the disk is full
    "25P03": "connection lost",  # idle_in_transaction_session_timeout
    "25P04": "connection lost",  # transaction_timeout
    "40": "conflict",  # deadlock, serialization failure
    "53": "out of resources",  # disk full, out of memory, too many connections
    "55": "conflict",  # lock not available, object in use
    "57": "shutting down or too slow",  # admin shutdown, crash recovery, statement timeout
    "58": "I/O error",
}
_READ_ONLY = "25006"
_PING = Statement("SELECT 1")
_WAIT_SECONDS = 5.0  # for a connection, or for a batch
_CLOSE_SECONDS = 5.0  # for what is in use
_NONE: Mapping[str, Any] = {}
WORKSPACE_SHARE = 0.4
"""The share of a process's connections that the calls of one workspace may use at once."""


class DatabaseUnavailable(DomainError):
    """Postgres cannot be reached, does not answer in time, or reports that it cannot work now.

    Args:
        fault: What is wrong, in a few words.
    """

    def __init__(self, fault: str = "unreachable") -> None:
        super().__init__(
            ErrorReason.STORE_UNAVAILABLE,
            f"postgres: {fault}; try again",
            {"store": "postgres", "fault": fault},
            retry_after_seconds=1.0,
        )


def unavailability(error: DBAPIError | psycopg.Error) -> str | None:
    """Return the fault if an error means that Postgres is unavailable; None if the statement is at fault."""
    state = _sqlstate(error.orig if isinstance(error, DBAPIError) else error)
    if state is not None:
        return _UNAVAILABLE.get(state) or _UNAVAILABLE.get(state[:2])
    # Errors of the driver itself: no connection, or a broken one.
    lost = isinstance(error, OperationalError | InterfaceError | psycopg.OperationalError | psycopg.InterfaceError)
    if isinstance(error, DBAPIError):
        lost = lost or error.connection_invalidated
    return "unreachable" if lost else None


def _sqlstate(error: BaseException | None) -> str | None:
    return error.sqlstate if isinstance(error, psycopg.Error) else None


def sqlalchemy_url(url: str) -> sa.URL:
    """Return DATABASE_URL with the driver that the service uses."""
    return sa.make_url(url).set(drivername="postgresql+psycopg")


class Database:
    """A pool of connections to Postgres.

    Args:
        url: DATABASE_URL.
        size: The maximum number of connections; further callers wait.
        statement_timeout_seconds: How long a statement may take.
    """

    def __init__(self, url: str, *, size: int = 10, statement_timeout_seconds: float = 10.0) -> None:
        self.size = size
        self._shares = WorkspaceShares(max(1, int(size * WORKSPACE_SHARE)))
        milliseconds = int(statement_timeout_seconds * 1000)
        self._engine = sa.create_engine(
            sqlalchemy_url(url).set(drivername="postgresql+psycopg_async"),
            pool_size=size,
            max_overflow=0,
            pool_pre_ping=True,
            # Bodies of projects may have megabytes; these are several times faster than the standard library's.
            json_serializer=_to_json,
            json_deserializer=from_json,
            pool_reset_on_return=None,  # `_reset` does so without a round trip
            # Statements' parameters hold callers' content, which must not reach the log.
            hide_parameters=True,
            # Set for the engine, not at each checkout: a caller that is cancelled while it is being set would take the
            # connection away from the pool.
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": 5,
                "options": f"-c statement_timeout={milliseconds} -c TimeZone=UTC"
                f" -c idle_in_transaction_session_timeout={milliseconds}",
                # The kernel notices a server that froze or left the network.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
            },
        )
        sa.event.listen(self._engine, "handle_error", _drop_read_only_connection)
        sa.event.listen(self._engine, "reset", _reset)
        self._prepared = PreparedConnections(self._engine.pool, size, wait_seconds=_WAIT_SECONDS)
        self._transactional = self._engine.execution_options(isolation_level="READ COMMITTED")
        # Postgres' own timeout does not help when Postgres is frozen.
        self._timeout_seconds = statement_timeout_seconds + 2
        self._users = 0
        self._unused = asyncio.Event()

    async def execute(self, statement: Statement, parameters: Mapping[str, Any] = _NONE) -> list[Row]:
        """Execute a prepared statement in its own transaction and return its rows.

        Raises:
            DatabaseUnavailable: As `single`.
        """
        with self._using(), _translated():
            async with asyncio.timeout(self._timeout_seconds):
                return await uncancelled(self._prepared.execute(statement, parameters))

    async def execute_for(self, workspace_id: str, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """As `execute`, for a workspace's call: one workspace uses at most `WORKSPACE_SHARE` of the connections.

        Raises:
            DatabaseUnavailable: As `single_for`.
        """
        with _translated():
            async with asyncio.timeout(self._timeout_seconds), self._shares.enter(workspace_id):
                return await self.execute(statement, parameters)

    def batcher(
        self,
        execute: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        limit: int = 100,
        parallel: int = 3,
    ) -> Batcher[Item, Result]:
        """Return a batcher for statements on this database.

        Its calls wait as long for a batch to begin as others wait for a connection, then raise DatabaseUnavailable.
        """
        return Batcher(
            execute,
            limit=limit,
            parallel=parallel,
            wait_seconds=_WAIT_SECONDS,
            too_late=partial(DatabaseUnavailable, "too slow"),
        )

    @asynccontextmanager
    async def single(self) -> AsyncIterator[UncancellableConnection]:
        """Open a connection on which each statement is its own transaction.

        Raises:
            DatabaseUnavailable: Postgres is unavailable; whether a statement took effect is then unknown.
        """
        with _translated():
            async with asyncio.timeout(self._timeout_seconds), self._connect(self._engine) as connection:
                yield connection

    @asynccontextmanager
    async def single_for(self, workspace_id: str) -> AsyncIterator[UncancellableConnection]:
        """As `single`, for a workspace's call: one workspace uses at most `WORKSPACE_SHARE` of the connections.

        Raises:
            DatabaseUnavailable: As `single`; or the workspace's other calls take too long.
        """
        with _translated():
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._shares.enter(workspace_id),
                self.single() as connection,
            ):
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UncancellableConnection]:
        """Open a connection for one transaction, committed unless the block raises.

        Raises:
            DatabaseUnavailable: Postgres is unavailable; whether the commit took place is then unknown.
        """
        with _translated():
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._connect(self._transactional) as connection,
                connection.begin(),
            ):
                yield connection

    @asynccontextmanager
    async def _connect(self, engine: sa.Engine) -> AsyncIterator[UncancellableConnection]:
        connection = UncancellableConnection(engine)
        with self._using():
            async with self._prepared.turn():
                await connection.start()
                try:
                    yield connection
                finally:
                    await uncancelled(connection.close())

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Let `close` wait for the block."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    @property
    def address(self) -> str:
        """Where Postgres is: `host:port/database`, without the credentials."""
        url = self._engine.url
        return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"

    @property
    def busy(self) -> int:
        """How many connections are in use."""
        pool = self._engine.pool
        return pool.checkedout() - self._prepared.idle if isinstance(pool, sa.QueuePool) else 0

    async def ping(self) -> None:
        """Check that Postgres answers.

        Raises:
            DatabaseUnavailable: It does not.
        """
        await self.execute(_PING)

    async def close(self) -> None:
        """Close every connection. One in use is waited for, since nobody closes what comes back to a pool later."""
        self._unused.clear()
        if self._users:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._unused.wait()
        self._prepared.close()
        await greenlet_spawn(self._engine.dispose)


def _to_json(value: object) -> str:
    return to_json(value).decode()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        fault = unavailability(error)
        if fault is None:
            raise
        raise DatabaseUnavailable(fault) from error
    except PoolTimeoutError as error:
        raise DatabaseUnavailable("all connections busy") from error
    except TimeoutError as error:
        raise DatabaseUnavailable("too slow") from error
    except OSError as error:
        raise DatabaseUnavailable from error


def _reset(connection: Any, _: object, state: PoolResetState) -> None:
    """Roll back the open transaction of a connection that returns to the pool."""
    if not state.terminate_only and not is_idle(connection.driver_connection):
        connection.rollback()


def _drop_read_only_connection(context: sa.engine.ExceptionContext) -> None:
    """Drop a connection that turned out to be read-only: after a failover, a new one reaches the new primary."""
    if _sqlstate(context.original_exception) == _READ_ONLY:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False
