"""The connection pool: one async path to Postgres for server and worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from render_service.db.uncancellable_connection import UncancellableConnection
from render_service.domain.errors import DomainError, ErrorReason


class DatabaseUnavailable(DomainError):
    """Postgres cannot be reached, or does not answer in time."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.STORE_UNAVAILABLE,
            "the database cannot be reached now; try again",
            {"store": "postgres"},
            retry_after_seconds=1.0,
        )


def sqlalchemy_url(url: str) -> sa.URL:
    """Return DATABASE_URL with the driver that the service uses."""
    return sa.make_url(url).set(drivername="postgresql+psycopg")


class Database:
    """A pool of connections to Postgres.

    Args:
        url: DATABASE_URL.
        size: The most connections held; more callers than that wait.
        statement_timeout_seconds: After which Postgres ends a statement.
    """

    def __init__(self, url: str, *, size: int = 10, statement_timeout_seconds: float = 10.0) -> None:
        self.size = size
        milliseconds = int(statement_timeout_seconds * 1000)
        self._engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            # Of the engine, not set anew at each checkout: a caller who leaves while it is being set would take the
            # connection away from the pool.
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": 5,
                "options": f"-c statement_timeout={milliseconds} -c TimeZone=UTC"
                f" -c idle_in_transaction_session_timeout={milliseconds}",
                # A server that froze or fell off the network is noticed by the kernel, not by waiting for ever.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
            },
        )
        self._transactional = self._engine.execution_options(isolation_level="READ COMMITTED")
        # Postgres' own time-out does not help where Postgres is frozen.
        self._patience_seconds = statement_timeout_seconds + 2

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection for statements that each are a transaction of their own.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached; whether a statement took effect is then unknown.
        """
        async with (
            _translated(),
            asyncio.timeout(self._patience_seconds),
            UncancellableConnection(self._engine) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection for one transaction, committed unless the block raises.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached; whether a commit took place is then unknown.
        """
        async with _translated(), asyncio.timeout(self._patience_seconds), self._transactional.begin() as connection:
            yield connection

    @property
    def busy(self) -> int:
        """How many connections are lent now."""
        pool = self._engine.pool
        return pool.checkedout() if isinstance(pool, sa.QueuePool) else 0

    async def ping(self) -> None:
        """Ask Postgres for a sign of life.

        Raises:
            DatabaseUnavailable: there is none.
        """
        async with self.single() as connection:
            await connection.execute(sa.text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise DatabaseUnavailable from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable from error
        raise
    except OSError as error:  # a TimeoutError is one, too
        raise DatabaseUnavailable from error
