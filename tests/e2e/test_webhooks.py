"""Webhooks through the whole service: quick where all is well, and nothing missed while workers are killed."""

import asyncio
import random
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from render_client import AsyncRenderClient
from render_client.messages import StatusName
from render_client.v1 import project_pb2
from render_client.webhooks import verify

from render_service.embedded.stack import Stack
from tests.integration.webhooks.receiver import ReceivingServer

WORKSPACE = "hooks"
PROJECT = project_pb2.Project(storyboard=project_pb2.Storyboard(shots=[project_pb2.Shot(visual_description="One")]))
EVERY: tuple[StatusName, ...] = ("PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")
_JOBS = 24
_KILLS = 3


@pytest.fixture
async def service() -> AsyncIterator[Stack]:
    """A service whose worker may be killed."""
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        settings = {
            "RENDER_AUTH": "off",
            "RENDER_MOCK_DELAY": "0.1",
            "RENDER_LEASE_SECONDS": "2",
            "RENDER_MAX_FAILED_ATTEMPTS": "50",
            "RENDER_COMPOSE_PROCESSES": "1",
            "RENDER_WEBHOOK_KEYS": b64encode(bytes(32)).decode(),
            "RENDER_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        }
        async with Stack(Path(folder), environment=settings, durable=False) as stack:
            yield stack


def events_in(service: Stack) -> dict[str, list[int]]:
    """The sequences of all changes of state and stage that history has, by job."""
    found: dict[str, list[int]] = {}
    with psycopg.connect(service.postgres.url) as connection:
        for job_id, sequence in connection.execute("SELECT job_id::text, sequence FROM job_events ORDER BY sequence"):
            found.setdefault(job_id, []).append(sequence)
    return found


async def test_webhooks_arrive_within_a_second_and_none_is_lost_while_workers_are_killed(
    service: Stack,
) -> None:
    async with ReceivingServer() as receiver, AsyncRenderClient(service.target, workspace=WORKSPACE) as client:
        await client.create_webhook(f"{receiver.url}/all", statuses=EVERY)
        secrets = await client.webhook_secret()

        lags = []
        for _ in range(3):
            job = await client.wait((await client.start(PROJECT, provider="mock")).job_id)
            ended = time.monotonic()
            async with asyncio.timeout(60):
                while receiver.sequences(job.job_id) != events_in(service)[job.job_id]:
                    await asyncio.sleep(0.01)
            lags.append(time.monotonic() - ended)
        assert min(lags) < 1

        ids = [(await client.start(PROJECT, provider="mock")).job_id for _ in range(_JOBS)]
        chance = random.Random(7)
        for _ in range(_KILLS):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            service.worker.kill()
            await service.worker.wait()
            await service.start_worker()
        await asyncio.gather(*(client.wait(job_id) for job_id in ids))
        async with asyncio.timeout(90):
            while any(receiver.sequences(job_id) != found for job_id, found in events_in(service).items()):
                await asyncio.sleep(0.1)
        for request in receiver.requests:
            verify(request.body, request.headers, secrets)
        # Each event once for a receiver that stores the ids.
        delivered = {one.id for one in receiver.accepted}
        assert len(delivered) == sum(map(len, events_in(service).values()))
        repeated = len(receiver.accepted) - len(delivered)
        print(
            f"{len(delivered)} events, {repeated} of them repeated, {_KILLS} kills, delivered after {min(lags):.3f} s"
        )
