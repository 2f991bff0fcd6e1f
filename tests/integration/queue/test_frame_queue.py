"""Requests for frames reach one worker, and its answer the one that asked; without a worker they end in time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from render_service.domain.errors import DomainError, ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FrameFacts, FramePosition, FrameRequest, ImageFormat
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.queue import frame_queue
from render_service.queue.frame_queue import DrawnFrame, FrameQueue, UnreadableRequest
from render_service.runtime.lifecycle import connect_redis

SPEC = RenderSpec(Project(shots=(Shot("sea", caption="海"),)), OutputSpec(320, 180, 30, Quality.DRAFT))
WANTED = FrameRequest("films", SPEC, FramePosition(ImageFormat.PNG, "sea"))
FRAME = DrawnFrame(b"\x89PNG" + bytes(range(256)), FrameFacts(7, "sea", 150))


@pytest.fixture
async def redis(redis_url: str) -> "AsyncIterator[Redis]":
    client = connect_redis(redis_url, timeout_seconds=None)
    yield client
    await client.aclose()


async def test_an_answer_reaches_the_one_that_asked(redis: "Redis") -> None:
    queue = FrameQueue(redis)
    first = asyncio.create_task(queue.request(WANTED, 60))
    received = await queue.receive(60)
    second = asyncio.create_task(queue.request(WANTED, 60))
    other = await queue.receive(60)
    assert received is not None
    assert other is not None
    assert received.wanted == WANTED
    await queue.answer(other.reply_to, RenderFailure(ErrorReason.ASSET_INVALID, "sea: no", {"shot_id": "sea"}))
    await queue.answer(received.reply_to, FRAME)
    assert await first == FRAME
    with pytest.raises(RenderFailure) as caught:
        await second
    assert (caught.value.reason, caught.value.message) == (ErrorReason.ASSET_INVALID, "sea: no")
    assert caught.value.metadata == {"shot_id": "sea"}


async def test_without_a_worker_a_request_ends_and_leaves_nothing(redis: "Redis") -> None:
    with pytest.raises(DomainError) as caught:
        await FrameQueue(redis).request(WANTED, 0.1)
    assert caught.value.reason is ErrorReason.WORKER_UNAVAILABLE
    assert caught.value.retry_after_seconds
    assert await redis.keys() == []


async def test_what_nobody_waits_for_any_longer_is_not_drawn(redis: "Redis") -> None:
    queue = FrameQueue(redis)
    asking = asyncio.create_task(queue.request(WANTED, 60))
    while not await redis.exists("frames:requests"):
        await asyncio.sleep(0.01)
    message = await redis.lindex("frames:requests", 0)
    asking.cancel()  # the caller is gone
    await asyncio.gather(asking, return_exceptions=True)
    assert await redis.keys() == []
    assert message is not None
    await redis.lpush("frames:requests", message)  # as if a worker had taken it a moment before
    assert await queue.receive(60) is None


@pytest.mark.parametrize("message", [b"", b"\0\0\0\2{}", b"\0\0\0\2[]", b"\0\0\0\1\xff", b"\xff\xff\xff\xff"])
async def test_what_is_no_request_is_reported_and_gone(redis: "Redis", message: bytes) -> None:
    await redis.lpush("frames:requests", message)
    with pytest.raises(UnreadableRequest) as caught:
        await FrameQueue(redis).receive(60)
    await FrameQueue(redis).refuse(caught.value)
    assert await redis.keys() == []


async def test_a_silent_redis_ends_calls_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts connections, and answers nothing."""
    monkeypatch.setattr(frame_queue, "_GRACE_SECONDS", 0.05)
    accepted: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    client = connect_redis(f"redis://127.0.0.1:{port}", timeout_seconds=None)
    queue = FrameQueue(client)
    async with asyncio.timeout(60):
        with pytest.raises(DomainError) as caught:
            await queue.request(WANTED, 0.05)
        assert caught.value.reason is ErrorReason.WORKER_UNAVAILABLE
        with pytest.raises(TimeoutError):
            await queue.receive(0.05)
    await client.aclose()
    for writer in accepted:
        writer.close()
        await writer.wait_closed()
    silent.close()


async def test_when_too_many_wait_the_next_is_refused_at_once(redis: "Redis") -> None:
    queue = FrameQueue(redis)
    waiting = [asyncio.create_task(queue.request(WANTED, 60)) for _ in range(64)]
    while await redis.llen("frames:requests") < len(waiting):
        await asyncio.sleep(0.01)
    with pytest.raises(DomainError, match="too many"):
        await queue.request(WANTED, 60)
    assert await redis.llen("frames:requests") == len(waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await redis.keys() == []


async def test_a_request_of_another_version_is_refused_at_once(redis: "Redis") -> None:
    queue = FrameQueue(redis)
    asking = asyncio.create_task(queue.request(WANTED, 60))
    while (message := await redis.rpop("frames:requests")) is None:
        await asyncio.sleep(0.01)
    assert isinstance(message, bytes)
    await redis.lpush("frames:requests", message.replace(b'"image"', b'"future"'))
    with pytest.raises(UnreadableRequest) as unreadable:
        await queue.receive(60)
    await queue.refuse(unreadable.value)
    with pytest.raises(DomainError) as caught:
        await asking
    assert caught.value.reason is ErrorReason.WORKER_UNAVAILABLE
    assert caught.value.retry_after_seconds
