"""A subscription receives what is published, and ends if the other side is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from render_service.embedded import EmbeddedValkey
from render_service.progress.subscription import Subscription, open_subscription
from render_service.runtime.lifecycle import connect_redis


@pytest.fixture
async def redis(own_valkey: EmbeddedValkey) -> AsyncIterator["Redis"]:
    client = connect_redis(own_valkey.url, timeout_seconds=None)
    yield client
    await client.aclose()


async def heard(subscription: Subscription) -> None:
    async for _ in subscription.messages():
        pass


async def test_silence_ends_a_subscription_and_quiet_does_not(own_valkey: EmbeddedValkey, redis: "Redis") -> None:
    async with open_subscription(redis, ping_seconds=0.5) as subscription:
        await subscription.subscribe("channel")
        alive = asyncio.create_task(subscription.keep_alive())
        hearing = asyncio.create_task(heard(subscription))
        await asyncio.wait((alive, hearing), timeout=2)
        assert not hearing.done(), "nothing was published, but Redis is there"
        own_valkey.freeze()
        try:
            async with asyncio.timeout(60):
                with pytest.raises(RedisConnectionError):
                    await hearing
        finally:
            own_valkey.thaw()
            alive.cancel()
        await asyncio.wait((alive,))


async def test_a_lost_connection_is_not_made_anew_behind_the_callers_back(
    own_valkey: EmbeddedValkey, redis: "Redis"
) -> None:
    async with open_subscription(redis) as subscription:
        await subscription.subscribe("channel")
        own_valkey.kill()
        with pytest.raises(RedisConnectionError):
            await heard(subscription)
        await own_valkey.restart()
        with pytest.raises(RedisConnectionError):
            await subscription.subscribe("other")
