"""Whoever lost a lease changes nothing: frozen workers that wake up late, and every single write."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from render_client.v1 import job_pb2

from render_service.db.database import Database
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import Lease, ProviderName, RenderSpec
from render_service.domain.jobs.request import JobRequest
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project
from tests.robustness.cluster import Cluster
from tests.robustness.service import caller
from tests.robustness.tables import job_lifecycle, write_with
from tests.robustness.validators import fenced, one_end

WRITES = ["report", "renew", "complete", "end_attempt", "release"]
LEASE = timedelta(seconds=10)
SETTINGS = {"RENDER_MOCK_DELAY": "0.4", "RENDER_LEASE_SECONDS": "2.5", "RENDER_LOG_LEVEL": "warning"}


@pytest.fixture
async def lost_lease(database_url: str) -> AsyncIterator[Lease]:
    """The lease of a worker whose job another one holds by now."""
    database = Database(database_url, size=2)
    spec = RenderSpec(Project(), OutputSpec(640, 360, 30, Quality.DRAFT))
    await Jobs(database).start(JobRequest("team", None, ProviderName.MOCK, spec))
    async with job_lifecycle(database_url, lease=LEASE) as writes:
        first = await writes.claim(worker="first", providers=[ProviderName.MOCK], deadline=LEASE)
        assert first is not None
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE jobs SET lease_expires_at = now() - interval '1 s'")
        assert await writes.reclaim_expired()
        assert await writes.claim(worker="second", providers=[ProviderName.MOCK], deadline=LEASE) is not None
    yield first.lease
    await database.close()


def everything(url: str) -> list[tuple[object, ...]]:
    """All rows of jobs and events."""
    with psycopg.connect(url) as connection:
        jobs = connection.execute("SELECT jobs::text FROM jobs").fetchall()
        return [*jobs, *connection.execute("SELECT e::text FROM job_events AS e")]


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_with_a_lease_that_was_taken_away_changes_no_row(
    database_url: str, lost_lease: Lease, write: str
) -> None:
    before = everything(database_url)
    async with job_lifecycle(database_url, lease=LEASE) as writes:
        assert not await write_with(writes, lost_lease, write)
    assert everything(database_url) == before


@pytest.mark.parametrize("write", WRITES)
async def test_a_lease_opens_no_other_job(database_url: str, lost_lease: Lease, write: str) -> None:
    async with job_lifecycle(database_url, lease=LEASE) as writes:
        database = Database(database_url, size=2)
        spec = RenderSpec(Project(), OutputSpec(640, 360, 30, Quality.DRAFT))
        await Jobs(database).start(JobRequest("team", None, ProviderName.MOCK, spec))
        other = await writes.claim(worker="third", providers=[ProviderName.MOCK], deadline=LEASE)
        await database.close()
        assert other is not None
        before = everything(database_url)
        mixed = Lease(
            lost_lease.job_id, lost_lease.task_id, lost_lease.workspace_id, other.lease.token, other.lease.attempt, 0
        )
        assert not await write_with(writes, mixed, write)
    assert everything(database_url) == before


async def test_a_worker_that_was_frozen_past_its_lease_changes_nothing_when_it_wakes(tmp_path: Path) -> None:
    async with Cluster(tmp_path, workers=2, settings=SETTINGS) as cluster:
        calling = caller(cluster)
        async with calling.client:
            job = await calling.start()
            frozen = await calling.holder(job.job_id)
            frozen.freeze()
            ended = await calling.end_of(job.job_id)
            assert (ended.status, ended.attempt) == (job_pb2.JOB_STATUS_COMPLETED, 2)
            before = await calling.row(job.job_id)
            frozen.thaw()
            # It takes up new work, so it is awake, and has tried to go on with the old.
            await asyncio.gather(*[calling.end_of((await calling.start()).job_id) for _ in range(6)])
            assert await calling.row(job.job_id) == before
            history = await calling.rows()
    assert not [*fenced(history), *one_end(history)]


async def test_wall_clocks_that_jump_by_hours_cost_no_lease(tmp_path: Path) -> None:
    async with Cluster(tmp_path, workers=1, settings=SETTINGS, shifted_clock=True) as cluster:
        calling = caller(cluster)
        async with calling.client:
            for hours in (2, -2, 0):
                cluster.shift_clock(hours * 3600)
                job = await calling.start()
                await calling.holder(job.job_id)
                cluster.shift_clock(-hours * 3600)
                ended = await calling.end_of(job.job_id)
                assert (ended.status, ended.attempt) == (job_pb2.JOB_STATUS_COMPLETED, 1)
