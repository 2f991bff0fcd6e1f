"""A lost connection to Redis raises redis-py's own error, whatever the event loop raises."""

import asyncio
from contextlib import aclosing

import pytest
import uvloop
from redis.exceptions import RedisError

from render_service.runtime.lifecycle import connect_redis


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_writing_to_a_connection_that_was_closed_just_now_is_a_fault_of_redis(redis_url: str, runner: object) -> None:
    async def write_to_closed() -> None:
        async with aclosing(connect_redis(redis_url, timeout_seconds=None)) as client:
            pubsub = client.pubsub()
            await pubsub.subscribe("some")
            connection = pubsub.connection
            assert connection is not None
            connection._writer.transport.abort()
            await asyncio.sleep(0)
            with pytest.raises(RedisError):
                await pubsub.unsubscribe("some")
            await connection.disconnect()

    assert callable(runner)
    runner(write_to_closed())


def test_a_client_speaks_to_redis(redis_url: str) -> None:
    async def ping() -> None:
        async with aclosing(connect_redis(redis_url, timeout_seconds=1)) as client:
            assert await client.ping()

    uvloop.run(ping())
