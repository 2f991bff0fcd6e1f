"""What server and worker share when they start: signals, tracing, connections, and waiting for the stores."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, Connection, ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.exc import ProgrammingError

from render_service.config.settings import ConfigurationError
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.revision import newest_revision
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger
from render_service.telemetry.tracing.switch import traced

_log = get_logger(__name__)
_SECONDS_BETWEEN_TRIES = 0.25
_SECONDS_BETWEEN_COMPLAINTS = 5.0


@contextmanager
def tracing(service: str) -> Iterator[None]:
    """Record the spans of the block where the variables OTEL_* ask for it.

    Args:
        service: Name of this process, where OTEL_SERVICE_NAME does not give one.

    Raises:
        ConfigurationError: one of them has a value that cannot be.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(traced(service, version("render-service")))
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        yield


def connect_redis(url: str, *, timeout_seconds: float | None) -> "Redis":
    """Return a client that fails fast: its callers work without Redis.

    Args:
        url: REDIS_URL.
        timeout_seconds: How long one command may take; None for subscriptions, which wait for ever.
    """
    options: dict[str, Any] = dict(parse_url(url))
    kind = options.pop("connection_class", Connection)
    if "path" not in options:  # Unix sockets have no keepalive
        options["socket_keepalive"] = True
    return Redis.from_pool(
        ConnectionPool(
            connection_class=type("RenderConnection", (_DependableConnection, kind), {}),
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds or 5,
            health_check_interval=5 if timeout_seconds is None else 0,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            **options,
        )
    )


class _DependableConnection(AbstractConnection):
    """Raises redis-py's own error for a lost connection, for which uvloop raises a RuntimeError.

    Also propagates cancellation: redis-py sends through `asyncio.wait_for`, which before Python 3.12 swallows a
    cancellation that arrives when sending completes. The cancelled task would run for ever.
    """

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        task = asyncio.current_task()
        cancels = task.cancelling() if task is not None else 0
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            raise RedisConnectionError("the connection was closed just now") from error
        if task is not None and task.cancelling() > cancels:
            # Nobody will read the answer.
            await self.disconnect(nowait=True)
            raise asyncio.CancelledError


def open_store(url: str) -> ObjectStore:
    """Open the object store.

    Args:
        url: STORAGE_URL.

    Raises:
        ConfigurationError: it cannot be one.
    """
    try:
        return ObjectStore(url)
    except ValueError as error:
        raise ConfigurationError(f"STORAGE_URL: {error}") from None


async def wait_for_database(database: Database) -> None:
    """Wait until Postgres answers and has the schema that this build expects."""
    waited = 0.0
    while (fault := await _database_fault(database)) is not None:
        if waited % _SECONDS_BETWEEN_COMPLAINTS == 0:
            _log.warning("waiting", store="postgres", address=database.address, reason=fault)
        await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        waited += _SECONDS_BETWEEN_TRIES
    _log.info("connected", store="postgres")


async def _database_fault(database: Database) -> str | None:
    try:
        async with database.single() as connection:
            found = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except DatabaseUnavailable as error:
        # The driver's words, such as "connection refused"; the rest of its message are hints on further lines.
        cause = str(getattr(error.__cause__, "orig", None) or error.__cause__ or error.message).partition("\n")[0]
        return f"Postgres cannot be reached: {cause}"
    except ProgrammingError:
        found = None
    expected = newest_revision()
    if found is None or found < expected:
        return f"the schema is at {found or 'nothing'}, not at {expected}: run `render-service migrate`"
    return None
