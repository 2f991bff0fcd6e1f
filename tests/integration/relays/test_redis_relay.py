"""The Redis Stream has every change of every job of the workspace once, in each job's order, whatever breaks."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import json_format
from redis.asyncio import Redis
from redis.exceptions import RedisError
from render_client.v1 import job_pb2

from tests.integration.relays.conftest import Relay, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM = "renders"


@pytest_asyncio.fixture(loop_scope="module")
async def redis(service: Service) -> AsyncIterator[Any]:
    async with Redis.from_url(service.stack.valkey.url, decode_responses=True) as redis:
        await redis.delete(STREAM, f"{{{STREAM}}}:cursor")
        yield redis


@pytest_asyncio.fixture(loop_scope="module")
async def make_relay(service: Service) -> AsyncIterator[Callable[[], Relay]]:
    """Makes relays that write to the stream."""
    made: list[Relay] = []

    def make() -> Relay:
        made.append(Relay(["redis_stream.py", STREAM], service.environment))
        return made[-1]

    yield make
    for relay in made:
        await relay.kill()


async def entries(redis: Any) -> dict[str, list[job_pb2.JobEvent]]:
    """What is in the stream, by job."""
    found: dict[str, list[job_pb2.JobEvent]] = defaultdict(list)
    for _, fields in await redis.xrange(STREAM):
        event = json_format.Parse(fields["event"], job_pb2.JobEvent())
        assert (fields["job_id"], int(fields["sequence"])) == (event.job_id, event.sequence)
        assert f"JOB_STATUS_{fields['status']}" == job_pb2.JobStatus.Name(event.status)
        found[event.job_id].append(event)
    return found


async def ended(redis: Any, jobs: list[str]) -> dict[str, list[job_pb2.JobEvent]]:
    """Wait until the stream has the ends of jobs, and return what is in it."""
    async with asyncio.timeout(60):
        while True:
            try:
                found = await entries(redis)
            except RedisError:
                found = {}
            if all(found.get(job_id) and found[job_id][-1].status == job_pb2.JOB_STATUS_COMPLETED for job_id in jobs):
                return found
            await asyncio.sleep(0.1)


async def check(service: Service, redis: Any, jobs: list[str]) -> None:
    """Each job's changes of state and stage, each once and in order."""
    found = await ended(redis, jobs)
    assert found.keys() == set(jobs)
    for job_id in jobs:
        expected = [event.sequence for event in await service.milestones(job_id)]
        assert [event.sequence for event in found[job_id]] == expected


async def test_nothing_is_lost_or_doubled_while_relay_service_and_redis_are_killed(
    service: Service, redis: Any, make_relay: Callable[[], Relay]
) -> None:
    relay = make_relay()
    await relay.start()
    jobs = [await service.start() for _ in range(4)]
    claims = [await service.claim() for _ in jobs]
    working = [asyncio.create_task(service.live(claim, steps=100, pause=0.08)) for claim in claims]
    for _ in range(2):
        await asyncio.sleep(1)
        await relay.kill()
        await asyncio.sleep(0.3)
        await relay.start()
    service.stack.server.kill()
    await service.stack.start_server()
    service.stack.valkey.kill()
    await service.stack.valkey.restart()
    await asyncio.sleep(1)
    await relay.kill()
    await relay.start()
    await asyncio.gather(*working)
    await check(service, redis, jobs)


async def test_two_relays_write_no_more_than_one(service: Service, redis: Any, make_relay: Callable[[], Relay]) -> None:
    relays = [make_relay(), make_relay()]
    for relay in relays:
        await relay.start()
    jobs = [await service.start() for _ in range(3)]
    for claim in [await service.claim() for _ in jobs]:
        await service.live(claim, steps=20, pause=0.01)
    await relays[0].kill()
    jobs.append(await service.start())
    await service.live(await service.claim(), steps=8, pause=0)
    await check(service, redis, jobs)


async def test_a_relay_that_starts_late_reports_earlier_events(
    service: Service, redis: Any, make_relay: Callable[[], Relay]
) -> None:
    job_id = await service.start()
    await service.live(await service.claim(), steps=8, pause=0)
    await make_relay().start()
    await check(service, redis, [job_id])
