"""Writes without the lease change nothing, and a job has one end."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim, LeaseLost
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import (
    JobEvent,
    JobStage,
    JobStatus,
    RawResults,
)
from render_service.domain.retry import RetryPolicy
from tests.integration.db.lifecycle import AT_ONCE, ERROR, EXPIRED, WRITES, milestones_of, row_of
from tests.records import HOUR, VIDEO, claim_next, lifecycle_of, start_job


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("state", ["claimed by another", "waiting again", "completed", "cancelled"])
async def test_a_worker_without_the_lease_can_change_nothing(database: Database, write: str, state: str) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, lease=EXPIRED)
    zombie = (await claim_next(lifecycle)).lease
    await asyncio.sleep(0.01)
    lasting = lifecycle_of(database)
    if state == "completed":
        await lasting.complete(zombie, RawResults("completed"), None)
    elif state == "cancelled":
        await lasting.cancel("team", job.id)
        await lasting.release(zombie)
    else:
        await lasting.reclaim_expired()
        if state == "claimed by another":
            await claim_next(lasting)
    row, milestones = await row_of(database, job.id), await milestones_of(database, job.id)
    with pytest.raises(LeaseLost):
        await WRITES[write](lifecycle, zombie)
    assert await lifecycle.renew([zombie], no_progress=HOUR) == {}
    assert await row_of(database, job.id) == row
    assert await milestones_of(database, job.id) == milestones


async def test_attempts_that_end_at_the_same_moment_leave_one_end(database: Database) -> None:
    for _ in range(10):
        job = await start_job(database)
        lifecycle = lifecycle_of(database, lease=EXPIRED, retry=RetryPolicy(max_attempts=1))
        lease = (await claim_next(lifecycle)).lease
        await asyncio.sleep(0.002)
        await asyncio.gather(
            lifecycle.complete(lease, None, VIDEO),
            lifecycle.end_attempt(lease, ERROR, retryable=False),
            lifecycle.reclaim_expired(),
            lifecycle.cancel("team", job.id),
            lifecycle.release(lease),
            return_exceptions=True,
        )
        history = await Jobs(database).history(job.id, 0)
        assert history is not None
        ends = [event for event in history.events if event.status.terminal]
        assert len(ends) <= 1
        assert history.job.status.terminal == bool(ends)
        if history.job.status is JobStatus.PENDING:
            await lifecycle.cancel("team", job.id)


def test_the_tables_themselves_refuse_a_second_end(database_url: str) -> None:
    insert = (
        "INSERT INTO job_events (job_id, sequence, milestone, workspace_id, status, progress, message, attempt)"
        " SELECT id, %s, %s, 'team', %s, 0, '', 0 FROM jobs"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO jobs (id, task_id, workspace_id, provider, spec)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'team', 'mock', '{}')"
        )
        connection.execute(insert, [1, 1, "COMPLETED"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(insert, [2, 2, "FAILED"])
        for broken in ("status = 'PROCESSING'", "status = 'FAILED'", "status = 'PAUSED'", "progress = 101"):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(f"UPDATE jobs SET {broken}")


async def test_events_that_are_returned_are_those_that_history_keeps(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, retry=AT_ONCE)
    returned: list[JobEvent] = []

    async def claimed() -> Claim:
        claim = await claim_next(lifecycle)
        returned.append(claim.event)
        return claim

    returned.append(await lifecycle.release((await claimed()).lease))
    returned.append(await lifecycle.end_attempt((await claimed()).lease, ERROR, retryable=True))
    lease = (await claimed()).lease
    report = await lifecycle.report(lease, stage=JobStage.COMPOSING, progress=5, message="x")
    returned.append(report.event)
    returned.append(await lifecycle.end_attempt(lease, ERROR, retryable=True))
    history = await Jobs(database).history(job.id, 1)
    assert history is not None
    kept = list(history.events)
    assert [replace(event, timestamp=kept[n].timestamp) for n, event in enumerate(returned)] == kept
