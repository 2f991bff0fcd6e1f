"""A provider that calls back is looked at less often and yet found done at once; without its call it is found all the
same."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from render_service.db.database import Database
from render_service.domain.job import ProviderName
from render_service.embedded import EmbeddedValkey
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.progress.task_hints import TaskHints, give_hint
from render_service.server.callback_listener import callback_listener
from render_service.startup import connect_redis
from tests.fakes import custom
from tests.fakes.custom import FakeCustom
from tests.fakes.fal import FakeFal
from tests.fakes.generating import FakeTask, GeneratingApi, TaskPlan
from tests.generation_bench import HASTE, GenerationBench, open_bench, spec_of
from tests.serving import settings_of

PIKA, CUSTOM = ProviderName.PIKA, ProviderName.CUSTOM
POLL = timedelta(milliseconds=300)
FEWER = 6
MADE_IN = 1.0


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
        redis = connect_redis(redis_url, timeout_seconds=2)
        subscription = connect_redis(redis_url, timeout_seconds=None)
        hints = TaskHints(subscription)
        hearing = asyncio.create_task(hints.run())
        async with asyncio.timeout(10):
            while not hints.listening:
                await asyncio.sleep(0.01)
        fakes: dict[ProviderName, GeneratingApi] = {PIKA: fal, CUSTOM: backend}
        for fake in fakes.values():
            fake.plan = lambda body: TaskPlan(running=MADE_IN)
        async with (
            callback_listener(settings, redis),
            open_bench(
                database,
                folder,
                {name: fake.url for name, fake in fakes.items()},
                patience=replace(HASTE, poll=poll),
                hints=hints,
                callbacks=f"http://{listen}/callbacks",
            ) as bench,
        ):
            yield Called(bench, fakes, redis_url)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await redis.aclose()
        await subscription.aclose()


@pytest.fixture
async def called(database: Database, database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Called]:
    async with open_called(database, database_url, redis_url, tmp_path, POLL) as called:
        yield called


def looks(fake: GeneratingApi) -> Counter[str]:
    """How often each task was looked at."""
    paths = [
        one.path.removesuffix("/status").rpartition("/")[2] for one in fake.requests if is_look(one.method, one.path)
    ]
    return Counter(paths)


def is_look(method: str, path: str) -> bool:
    return method == "GET" and (path.endswith("/status") or path.startswith("/videos/"))


async def found_after(called: Called, name: ProviderName, *prompts: str) -> float:
    """Make clips; return how long after the end of the last task that was known."""
    claim = await called.bench.claimed(name, spec_of(*prompts))
    await called.bench.generate(claim)
    return max(task.age for task in called.fakes[name].tasks.values()) - MADE_IN


def the_task(fake: GeneratingApi) -> FakeTask:
    (task,) = fake.tasks.values()
    return task


@pytest.mark.parametrize("name", [PIKA, CUSTOM])
async def test_with_callbacks_looks_are_few_and_the_end_is_found_at_once(called: Called, name: ProviderName) -> None:
    fake = called.fakes[name]
    await found_after(called, name, "dawn", "noon", "dusk")
    assert [status for _, status in fake.callbacks] == [200] * 3
    # One early look, and one for the call: without it the next would have come a pause six times as long later.
    assert set(looks(fake).values()) == {2}, looks(fake)
    fake.requests.clear()
    fake.tasks.clear()
    async with open_bench(called.bench.database, called.bench.folder / "deaf", {name: fake.url}) as deaf:
        deaf.patience = replace(HASTE, poll=POLL)
        await deaf.run(name, spec_of("dawn without", "noon without"))
    assert min(looks(fake).values()) >= 3, looks(fake)


@pytest.mark.parametrize("name", [PIKA, CUSTOM])
async def test_a_callback_that_gets_lost_costs_only_time(called: Called, name: ProviderName) -> None:
    called.fakes[name].calls_back = False
    late = await found_after(called, name, "dawn")
    assert len(called.fakes[name].bill) == 1
    assert late < FEWER * POLL.total_seconds() * 1.05 + 2
    assert looks(called.fakes[name])[the_task(called.fakes[name]).id] <= 3


async def test_a_call_that_comes_before_the_end_can_be_seen_makes_looks_frequent_again(called: Called) -> None:
    """Status and callback of a provider need not tell the same at the same moment."""
    fake = called.fakes[CUSTOM]
    fake.calls_back = False
    making = asyncio.create_task(found_after(called, CUSTOM, "dawn"))
    while not looks(fake):
        await asyncio.sleep(0.01)
    task = the_task(fake)
    assert task.callback_url is not None
    assert task.phase == "running"
    assert await fake.call_back(task.callback_url, *fake.signed_callback(task)) == 200
    assert await making < 2 * POLL.total_seconds() + 1
    assert 3 <= looks(fake)[task.id] <= 6


async def test_what_a_callback_tells_is_not_believed(called: Called) -> None:
    fake = called.fakes[CUSTOM]
    fake.calls_back = False
    making = asyncio.create_task(found_after(called, CUSTOM, "dawn"))
    while not looks(fake):
        await asyncio.sleep(0.01)
    url = the_task(fake).callback_url
    assert url is not None
    for body in (b'{"status": "failed"}', b'{"status": "succeeded", "output": [{"url": "http://evil.example"}]}', b""):
        assert await fake.call_back(url, custom.sign(body), body) == 200
    await making
    assert len(fake.bill) == 1


async def test_a_flood_of_callbacks_makes_no_more_looks_than_there_would_be_without(called: Called) -> None:
    fake = called.fakes[CUSTOM]
    fake.calls_back = False
    redis = connect_redis(called.redis_url, timeout_seconds=2)
    making = asyncio.create_task(found_after(called, CUSTOM, "dawn"))
    while not fake.tasks:
        await asyncio.sleep(0.01)
    url = the_task(fake).callback_url
    assert url is not None
    task_id = UUID(url.rpartition("/")[2])
    began, flood = time.monotonic(), 0
    while not making.done():
        await asyncio.gather(*(give_hint(redis, task_id) for _ in range(20)))
        flood += 20
        await asyncio.sleep(0.005)
    took = time.monotonic() - began
    await making
    assert flood > 500
    assert looks(fake)[the_task(fake).id] <= took / POLL.total_seconds() + 1
    await redis.aclose()


async def test_without_redis_looks_are_as_frequent_as_without_callbacks(
    database: Database, database_url: str, own_valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    async with open_called(database, database_url, own_valkey.url, tmp_path, POLL) as called:
        fake = called.fakes[CUSTOM]
        await own_valkey.stop()
        async with asyncio.timeout(10):
            while called.bench.hints.listening:
                await asyncio.sleep(0.01)
        await found_after(called, CUSTOM, "dawn")
        assert [status for _, status in fake.callbacks if status not in (0, 503)] == []
        assert looks(fake)[the_task(fake).id] >= 3
        await own_valkey.start()
        async with asyncio.timeout(10):
            while not called.bench.hints.listening:
                await asyncio.sleep(0.01)
