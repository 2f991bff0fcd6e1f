"""Every attempt is counted once, by how it ended and why."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.providers.mock import MockProvider
from render_service.telemetry.metrics.worker import ATTEMPTS, WORKER
from tests.integration.engine.harness import endless, engine_with, failing
from tests.records import start_job

Counts = dict[tuple[str, str], float]


def counted() -> Counts:
    """How many attempts there were so far in this process, by outcome and reason."""
    (metric,) = ATTEMPTS.collect()
    return {
        (sample.labels["outcome"], sample.labels["reason"]): sample.value
        for sample in metric.samples
        if sample.name == "render_attempts_total"
    }


@pytest.fixture
def gained() -> Callable[[], Counts]:
    """How many attempts there were in this test."""
    before = counted()
    return lambda: {key: count - before.get(key, 0) for key, count in counted().items() if count != before.get(key, 0)}


async def test_one_that_completes(database: Database, tmp_path: Path, gained: Callable[[], Counts]) -> None:
    async with engine_with(database, tmp_path, MockProvider(0)) as engine:
        await start_job(database)
        await engine.runner.run_next()
    assert gained() == {("completed", ""): 1}


async def test_those_that_are_retried_and_the_one_that_fails(
    database: Database, tmp_path: Path, gained: Callable[[], Counts]
) -> None:
    failure = RenderFailure(ErrorReason.PROVIDER_FAILED, "overloaded", retryable=True)
    async with engine_with(database, tmp_path, failing(failure)) as engine:
        await start_job(database)
        while await engine.runner.run_next():
            pass
    assert gained() == {("retried", "PROVIDER_FAILED"): 2, ("failed", "PROVIDER_FAILED"): 1}


async def test_one_that_is_cancelled(database: Database, tmp_path: Path, gained: Callable[[], Counts]) -> None:
    provider = endless()
    async with engine_with(database, tmp_path, provider) as engine:
        job = await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        assert WORKER.get_sample_value("render_worker_slots_busy") == 1
        await engine.lifecycle.cancel("team", job.id)
        await running
    assert gained() == {("cancelled", ""): 1}
    assert WORKER.get_sample_value("render_worker_slots_busy") == 0


async def test_one_whose_lease_is_lost(database: Database, tmp_path: Path, gained: Callable[[], Counts]) -> None:
    provider = endless()
    async with engine_with(database, tmp_path, provider) as engine:
        await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        async with database.single() as connection:
            await connection.execute(sa.text("UPDATE jobs SET lease_expires_at = now() - interval '1 s'"))
        await engine.lifecycle.reclaim_expired()
        await running
    assert gained() == {("lost", ""): 1}


async def test_one_that_is_handed_over(database: Database, tmp_path: Path, gained: Callable[[], Counts]) -> None:
    provider = endless()
    async with engine_with(database, tmp_path, provider) as engine:
        await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        await engine.runner.drain(timedelta(0))
        await running
    assert gained() == {("handed_over", ""): 1}
