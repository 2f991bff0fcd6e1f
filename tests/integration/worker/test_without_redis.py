"""Jobs start and workers end whatever Redis does: workers poll Postgres."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from render_service.db.database import Database
from render_service.domain.jobs.job import JobStatus, ProviderName
from render_service.embedded import EmbeddedValkey
from tests.integration.worker.processes import status_of, until, until_ready, working
from tests.records import job_request, start_job

STARTS_WITHIN_SECONDS = 60


async def has_started(database: Database) -> None:
    """Start a job, and check that a worker claims it in time and completes it."""
    job = await start_job(database)
    async with asyncio.timeout(STARTS_WITHIN_SECONDS):
        while await status_of(database, job) is JobStatus.PENDING:
            await asyncio.sleep(0.02)
    await until(database, job, JobStatus.COMPLETED, seconds=60)


@asynccontextmanager
async def full(valkey: EmbeddedValkey) -> AsyncIterator[None]:
    """Let Valkey refuse every write."""
    with Redis.from_url(valkey.url) as redis:
        redis.config_set("maxmemory", "1")
        yield
        redis.config_set("maxmemory", "0")


@asynccontextmanager
async def frozen(valkey: EmbeddedValkey) -> AsyncIterator[None]:
    """Let Valkey answer nothing while connections stay open."""
    valkey.freeze()
    yield
    valkey.thaw()


@asynccontextmanager
async def stopped(valkey: EmbeddedValkey) -> AsyncIterator[None]:
    """Let Valkey refuse connections."""
    await valkey.stop()
    yield
    await valkey.start()


async def test_a_new_job_on_an_idle_worker_starts_whatever_redis_does(
    database: Database, database_url: str, own_valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    await own_valkey.stop()
    stores = {"DATABASE_URL": database_url, "REDIS_URL": own_valkey.url, "RENDER_WORKER_SLOTS": "1"}
    async with working(tmp_path, **stores, RENDER_MOCK_DELAY="0"):
        await until_ready(tmp_path)
        await has_started(database)
        await own_valkey.start()
        for fault in (full, frozen, stopped):
            async with fault(own_valkey):
                await has_started(database)
        job = await start_job(database)
        await own_valkey.wipe()
        await until(database, job, JobStatus.COMPLETED, seconds=60)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT max(attempt) FROM jobs").fetchone() == (1,), "a job ran twice"


@pytest.mark.parametrize("fault", [frozen, stopped])
async def test_a_worker_whose_redis_fails_hands_its_jobs_over_and_ends(
    database: Database,
    database_url: str,
    own_valkey: EmbeddedValkey,
    tmp_path: Path,
    fault: Callable[[EmbeddedValkey], AbstractAsyncContextManager[None]],
) -> None:
    jobs = [await start_job(database, job_request(provider=ProviderName.MOCK)) for _ in range(3)]
    stores = {"DATABASE_URL": database_url, "REDIS_URL": own_valkey.url, "RENDER_WORKER_SLOTS": "1"}
    async with working(tmp_path, **stores, RENDER_MOCK_DELAY="60") as worker:
        async with asyncio.timeout(120):
            while JobStatus.PROCESSING not in [await status_of(database, job) for job in jobs]:
                await asyncio.sleep(0.02)
        async with fault(own_valkey):
            worker.send_signal(signal.SIGTERM)
            for job in jobs:
                await until(database, job, JobStatus.PENDING)
            async with asyncio.timeout(30):
                assert await worker.wait() == 0
