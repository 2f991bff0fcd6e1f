"""A job that a newer version started is left to a worker that can read it, and ends if there is none."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import Job, JobStatus
from render_service.engine.runner import RunnerLimits
from render_service.providers.mock import MockProvider
from tests.integration.engine.harness import engine_with
from tests.records import HOUR, start_job

# What a newer version may store: a value, or a field, that this one does not know.
_NEWER = {
    "a value": ("{output,container}", '"mkv"', "output.container"),
    "a field": ("{output,hologram}", "true", "output.hologram"),
    "a field of a shot": ("{project,shots,0,smell}", '"rose"', "project.shots.0.smell"),
    "a field of the spec": ("{lighting}", "{}", "lighting"),
}


async def _start_newer(database: Database, path: str, value: str) -> Job:
    job = await start_job(database)
    async with database.single() as connection:
        await connection.execute(
            sa.text("UPDATE jobs SET spec = jsonb_set(spec, CAST(:path AS text[]), CAST(:value AS jsonb))"),
            {"path": path, "value": value},
        )
    return job


@pytest.mark.parametrize("newer", _NEWER)
async def test_a_job_of_a_newer_version_is_handed_back_and_the_next_one_is_run(
    database: Database, tmp_path: Path, newer: str
) -> None:
    path, value, field = _NEWER[newer]
    unreadable = await _start_newer(database, path, value)
    readable = await start_job(database)
    async with engine_with(database, tmp_path, MockProvider(0)) as engine:
        assert await engine.runner.run_next()
        assert (await engine.job(readable)).status is JobStatus.COMPLETED
        left = await engine.job(unreadable)
        assert (left.status, left.attempt) == (JobStatus.PENDING, 1)
        assert left.message.startswith(f"Will be tried again: {field}: ")
        assert not await engine.runner.run_next(), "its delay has not passed"
        assert not await engine.runner.start_next()
    async with database.single() as connection:
        row = (
            await connection.execute(
                sa.text(
                    "SELECT failed_attempts, run_after > now() + interval '1 second' AS later FROM jobs WHERE id = :id"
                ),
                {"id": unreadable.id},
            )
        ).one()
    assert tuple(row) == (0, True)


async def test_a_job_that_no_worker_can_read_fails_at_its_deadline(database: Database, tmp_path: Path) -> None:
    job = await _start_newer(database, "{output,container}", '"mkv"')
    async with engine_with(database, tmp_path, MockProvider(0), limits=RunnerLimits(timedelta(0), HOUR)) as engine:
        assert not await engine.runner.run_next()
        job = await engine.job(job)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.reason is ErrorReason.DEADLINE_EXCEEDED
    assert job.error.message.startswith("output.container: ")
