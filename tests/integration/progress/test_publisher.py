"""Events that are published at once share a round trip, and each its own outcome only."""

import asyncio
from dataclasses import replace

import pytest

from render_service.progress.payload import decode_event, task_channel
from render_service.progress.publisher import Publisher
from render_service.runtime.lifecycle import connect_redis
from tests.unit.progress.test_payload import EVENT


@pytest.mark.parametrize("is_one_batch", [False, True])
async def test_an_event_that_cannot_be_encoded_fails_alone(redis_url: str, is_one_batch: bool) -> None:
    redis = connect_redis(redis_url, timeout_seconds=30)
    publisher = Publisher(redis)
    events = [replace(EVENT, message=message) for message in ("first", "\ud800", "last")]
    calls = [events] if is_one_batch else [[event] for event in events]
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(task_channel(EVENT.task_id))
        results = await asyncio.gather(*(publisher.publish(*call) for call in calls), return_exceptions=True)
        received: list[str] = []
        async with asyncio.timeout(60):
            while len(received) < 2:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=None)
                if message is not None:
                    received.append(decode_event(message["data"]).message)
    await redis.aclose()
    assert [result for result in results if not isinstance(result, ValueError)] == [None] * (len(calls) - 1)
    assert received == ["first", "last"]
