"""One connection to Redis that subscribes to channels, and fails on the first error.

redis-py's own PubSub reconnects in the task that first notices a lost connection: with one task that reads and another
that subscribes, both may reconnect, and one of the connections leaks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, NoReturn

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

_PINGS_MISSED = 3


class Message(NamedTuple):
    """A received message: `subscribe` or `unsubscribe` as confirmations, or a `message` with its data."""

    kind: str
    channel: str
    data: object


class Subscription:
    """Receives the messages of channels over one connection, which speaks RESP2.

    One task may read while another writes. Every method raises RedisError or OSError where the connection is lost.

    Args:
        connection: Connected, and used for nothing else.
        ping_seconds: How often to ping; the connection counts as lost after three intervals of silence.
    """

    def __init__(self, connection: AbstractConnection, ping_seconds: float) -> None:
        self._connection = connection
        self._ping_seconds = ping_seconds

    async def subscribe(self, *channels: str) -> None:
        """Subscribe to channels; each is confirmed."""
        await self._send("SUBSCRIBE", *channels)

    async def unsubscribe(self, *channels: str) -> None:
        """Unsubscribe from channels; each is confirmed."""
        await self._send("UNSUBSCRIBE", *channels)

    async def keep_alive(self) -> NoReturn:
        """Ping regularly, so that silence means a lost connection."""
        while True:
            await asyncio.sleep(self._ping_seconds)
            await self._send("PING")

    async def messages(self) -> AsyncIterator[Message]:
        """Yield messages until cancelled."""
        while True:
            answer = await self._connection.read_response(timeout=_PINGS_MISSED * self._ping_seconds)
            if answer is None:
                raise RedisConnectionError("nothing was received for too long")
            if answer[0] != b"pong":
                kind, channel, data = answer
                yield Message(kind.decode(), channel.decode(errors="replace"), data)

    async def _send(self, *words: str) -> None:
        if not self._connection.is_connected:
            # It would reconnect, and missed messages would go unnoticed.
            raise RedisConnectionError("the connection was lost")
        await self._connection.send_command(*words, check_health=False)


@asynccontextmanager
async def open_subscription(redis: "Redis", *, ping_seconds: float = 5.0) -> AsyncIterator[Subscription]:
    """Open a subscription on a connection from a client's pool.

    Args:
        redis: A client whose connections speak RESP2.
        ping_seconds: As in `Subscription`.

    Raises:
        RedisError, OSError, TimeoutError: Redis cannot be reached.
    """
    pool: Any = redis.connection_pool
    connection: AbstractConnection = await pool.get_connection()
    try:
        yield Subscription(connection, ping_seconds)
    finally:
        await connection.disconnect(nowait=True)
        await pool.release(connection)
