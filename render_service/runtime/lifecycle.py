"""What server and worker share from start to stop: waiting for the stores, and tasks that must not die silently."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, Connection, ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from sqlalchemy.exc import ProgrammingError

from render_service.config.settings import ConfigurationError
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.migrate import newest_revision
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger
from render_service.telemetry.tracing.switch import traced

_log = get_logger(__name__)
_SECONDS_BETWEEN_TRIES = 0.25
_SECONDS_BETWEEN_COMPLAINTS = 5.0


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


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
    """Return a client that fails fast: whoever uses it knows what to do without Redis.

    Args:
        url: REDIS_URL.
        timeout_seconds: How long one command may take; None for subscriptions, which wait for ever.
    """
    options: dict[str, Any] = dict(parse_url(url))
    kind = options.pop("connection_class", Connection)
    if "path" not in options:  # a Unix socket knows no such thing
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
    """Tells its loss as redis-py's own error where uvloop tells it by a RuntimeError.

    And passes cancellations on: redis-py sends by `asyncio.wait_for`, which before Python 3.12 swallows one that comes
    in the moment when all is sent. Whoever was cancelled would go on for ever.
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

    async def fault() -> str | None:
        try:
            async with database.single() as connection:
                found = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        except DatabaseUnavailable:
            return "Postgres cannot be reached"
        except ProgrammingError:
            found = None
        expected = newest_revision()
        if found is None or found < expected:
            return f"the schema is at {found or 'nothing'}, not at {expected}: run `render-service migrate`"
        return None

    await _wait_for("postgres", fault)


async def wait_for_redis(redis: "Redis") -> None:
    """Wait until Redis answers."""

    async def fault() -> str | None:
        try:
            await redis.ping()
        except (RedisError, OSError, TimeoutError):
            return "Redis cannot be reached"
        return None

    await _wait_for("redis", fault)


async def _wait_for(store: str, fault: Callable[[], Awaitable[str | None]]) -> None:
    waited = 0.0
    while (reason := await fault()) is not None:
        if waited % _SECONDS_BETWEEN_COMPLAINTS == 0:
            _log.warning("waiting", store=store, reason=reason)
        await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        waited += _SECONDS_BETWEEN_TRIES
    _log.info("connected", store=store)


async def before(stop: asyncio.Event, work: Coroutine[object, object, None]) -> bool:
    """Do some work unless told to stop before it is done; return whether it was done. Raises what the work raises."""
    task, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    done = task.done()
    for unfinished in (task, stopping):
        unfinished.cancel()
    await asyncio.gather(task, stopping, return_exceptions=True)
    if done:
        task.result()
    return done


class PartBroken(Exception):
    """A part of the process ended by a fault; the process must not look as if it had ended well."""


class Parts:
    """Tasks that run for as long as the process serves. One that breaks stops the process: a supervisor starts it anew.

    Args:
        stop: Is set where a part breaks.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, name: str, part: Coroutine[object, object, None]) -> None:
        """Run a part until the end of the block."""
        task = asyncio.create_task(part, name=name)
        task.add_done_callback(self._look_after)
        self._tasks.append(task)

    def _look_after(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.critical("a part broke; stopping", part=task.get_name(), exc_info=task.exception())
            self._stop.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in self._tasks:
            if not task.cancelled() and (fault := task.exception()) is not None and error is None:
                raise PartBroken(task.get_name()) from fault
