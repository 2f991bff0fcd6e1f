"""A provider that calls back is polled less often and yet found done at once; without its call it is found all the
same."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from render_service.db.database import Database
from render_service.domain.jobs.job import ProviderName
from render_service.embedded import EmbeddedValkey
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.progress.task_hints import TaskHints, give_hint
from render_service.runtime.lifecycle import connect_redis
from render_service.server.callbacks.listener import callback_listener
from tests.fakes import custom
from tests.fakes.custom import FakeCustom
from tests.fakes.fal import FakeFal
from tests.fakes.generating import FakeTask, GeneratingApi, TaskPlan
from tests.generation_bench import SHORT, GenerationBench, open_bench, spec_of
from tests.serving import settings_of

PIKA, CUSTOM = ProviderName.PIKA, ProviderName.CUSTOM
POLL = timedelta(milliseconds=300)
# Looks are so many times fewer where a provider calls back.
FEWER = 6
# Timers are exact to about a millisecond.
EARLIER = 0.01


@dataclass
class Called:
    """A bench whose providers call back, with the Redis that hints go through."""

    bench: GenerationBench
    fakes: dict[ProviderName, GeneratingApi]
    redis_url: str


@asynccontextmanager
async def open_called(
    database: Database, database_url: str, redis_url: str, folder: Path, poll: timedelta
) -> AsyncIterator[Called]:
    listen = f"{LOOPBACK}:{free_port()}"
    async with FakeFal() as fal, FakeCustom() as backend:
        settings = settings_of(
            database_url,
            redis_url,
            folder,
            callback_url=f"http://{listen}",
            callback_listen=listen,
            custom_video_webhook_secret=SecretStr(custom.SECRET),
            pika_webhook_jwks_url=fal.jwks_url,
        )
        redis = connect_redis(redis_url, timeout_seconds=30)
        subscription = connect_redis(redis_url, timeout_seconds=None)
        hints = TaskHints(subscription)
        hearing = asyncio.create_task(hints.run())
        async with asyncio.timeout(60):
            while not hints.listening:
                await asyncio.sleep(0.01)
        fakes: dict[ProviderName, GeneratingApi] = {PIKA: fal, CUSTOM: backend}
        for fake in fakes.values():
            fake.plan = lambda body: TaskPlan(running=3600)
        try:
            async with (
                callback_listener(settings, redis),
                open_bench(
                    database,
                    folder,
                    {name: fake.url for name, fake in fakes.items()},
                    limits=replace(SHORT, poll_interval=poll, task_timeout=timedelta(minutes=5)),
                    hints=hints,
                    callbacks=f"http://{listen}/callbacks",
                ) as bench,
            ):
                yield Called(bench, fakes, redis_url)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            await redis.aclose()
            await subscription.aclose()


@pytest.fixture
async def called(database: Database, database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Called]:
    async with open_called(database, database_url, redis_url, tmp_path, POLL) as called:
        yield called


class Watched:
    """The polls at the one task of a job, which goes on until it is ended."""

    def __init__(self, called: Called, name: ProviderName) -> None:
        self.fake = called.fakes[name]
        self._bench = called.bench
        self._name = name

    @property
    def polls(self) -> list[float]:
        """When each poll was answered."""
        return [
            at
            for at, request in self.fake.answered
            if request.method == "GET" and (request.path.endswith("/status") or request.path.startswith("/videos/"))
        ]

    @property
    def pauses(self) -> list[float]:
        """Seconds between the polls."""
        return [after - before for before, after in itertools.pairwise(self.polls)]

    @property
    def task(self) -> FakeTask:
        (task,) = self.fake.tasks.values()
        return task

    async def start(self) -> "asyncio.Task[object]":
        claim = await self._bench.claimed(self._name, spec_of("dawn"))
        return asyncio.create_task(self._bench.generate(claim))

    async def polled(self, times: int) -> None:
        async with asyncio.timeout(60):
            while len(self.polls) < times:
                await asyncio.sleep(0.005)

    async def call(self, body: bytes | None = None) -> None:
        """Call back, whatever is true."""
        assert self.task.callback_url is not None
        headers, signed = self.fake.signed_callback(self.task)
        if body is not None:
            headers, signed = custom.sign(body), body
        assert await self.fake.call_back(self.task.callback_url, headers, signed) == 200

    async def end(self, making: "asyncio.Task[object]") -> None:
        """End the task, and wait until its clip is there."""
        self.task.plan = TaskPlan(running=0)
        async with asyncio.timeout(60):
            await making
        assert len(self.fake.bill) == 1


@pytest.mark.parametrize("name", [PIKA, CUSTOM])
async def test_the_end_is_found_at_once_by_the_call_and_not_by_looking(
    database: Database, database_url: str, redis_url: str, tmp_path: Path, name: ProviderName
) -> None:
    async with open_called(database, database_url, redis_url, tmp_path, timedelta(seconds=1)) as called:
        watched = Watched(called, name)
        making = await watched.start()
        await watched.polled(1)
        await watched.end(making)
        assert [status for _, status in watched.fake.callbacks] == [200]
        # Without the call it would have come after six seconds.
        assert len(watched.polls) == 2
        assert watched.pauses[0] < FEWER


@pytest.mark.parametrize("name", [PIKA, CUSTOM])
async def test_a_callback_that_gets_lost_costs_a_pause_and_nothing_else(called: Called, name: ProviderName) -> None:
    watched = Watched(called, name)
    watched.fake.calls_back = False
    making = await watched.start()
    await watched.polled(1)
    await watched.end(making)
    assert len(watched.polls) == 2
    assert watched.pauses[0] >= FEWER * POLL.total_seconds() - EARLIER


@pytest.mark.parametrize("name", [PIKA, CUSTOM])
async def test_who_does_not_call_back_is_looked_at_more_often(called: Called, name: ProviderName) -> None:
    urls = {name: called.fakes[name].url}
    async with open_bench(
        called.bench.database,
        called.bench.folder / "deaf",
        urls,
        limits=called.bench.limits,
        hints=called.bench.hints,
    ) as deaf:
        watched = Watched(Called(deaf, called.fakes, called.redis_url), name)
        making = await watched.start()
        await watched.polled(5)
        assert watched.task.callback_url is None
        await watched.end(making)
        assert min(watched.pauses) < FEWER * POLL.total_seconds() / 2


async def test_a_callback_before_the_end_is_visible_makes_polls_frequent_again(called: Called) -> None:
    """Status and callback of a provider need not agree at the same moment."""
    watched = Watched(called, CUSTOM)
    watched.fake.calls_back = False
    making = await watched.start()
    await watched.polled(1)
    await watched.call()
    await watched.polled(4)
    assert min(watched.pauses[1:3]) < FEWER * POLL.total_seconds() / 2
    await watched.end(making)


async def test_the_content_of_a_callback_is_not_trusted(called: Called) -> None:
    watched = Watched(called, CUSTOM)
    watched.fake.calls_back = False
    making = await watched.start()
    await watched.polled(1)
    for body in (b'{"status": "failed"}', b'{"status": "succeeded", "output": [{"url": "http://evil.example"}]}', b""):
        await watched.call(body)
    await watched.polled(2)
    assert not making.done()
    await watched.end(making)


async def test_a_flood_of_callbacks_causes_no_additional_polls(called: Called) -> None:
    watched = Watched(called, CUSTOM)
    watched.fake.calls_back = False
    redis = connect_redis(called.redis_url, timeout_seconds=30)
    making = await watched.start()
    await watched.polled(1)
    assert watched.task.callback_url is not None
    task_id = UUID(watched.task.callback_url.rpartition("/")[2])
    while len(watched.polls) < 6:
        await asyncio.gather(*(give_hint(redis, task_id) for _ in range(20)))
        await asyncio.sleep(0.005)
    await watched.end(making)
    assert min(watched.pauses) >= POLL.total_seconds() - EARLIER
    await redis.aclose()


async def test_without_redis_polls_are_as_frequent_as_without_callbacks(
    database: Database, database_url: str, own_valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    async with open_called(database, database_url, own_valkey.url, tmp_path, POLL) as called:
        await own_valkey.stop()
        async with asyncio.timeout(60):
            while called.bench.hints.listening:
                await asyncio.sleep(0.01)
        watched = Watched(called, CUSTOM)
        making = await watched.start()
        await watched.polled(5)
        await watched.end(making)
        assert min(watched.pauses) < FEWER * POLL.total_seconds() / 2
        await own_valkey.start()
        async with asyncio.timeout(60):
            while not called.bench.hints.listening:
                await asyncio.sleep(0.01)
