"""Whoever is cancelled while it talks to Redis ends, at whatever moment that is."""

import asyncio

from redis.asyncio import Redis

from render_service.runtime.lifecycle import connect_redis

MOMENTS = 60
ROUNDS = 5


async def publish_on_and_on(redis: "Redis", times: int) -> None:
    for _ in range(times):
        await redis.publish("test", "still here")


async def test_a_cancel_is_never_swallowed_by_a_command(redis_url: str) -> None:
    redis = connect_redis(redis_url, timeout_seconds=30)
    swallowed = []
    for moment in range(MOMENTS * ROUNDS):
        task = asyncio.create_task(publish_on_and_on(redis, 100))
        for _ in range(moment % MOMENTS):
            await asyncio.sleep(0)
        assert task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            swallowed.append(moment % MOMENTS)
    assert swallowed == []
    assert await redis.ping()
    await redis.aclose()
