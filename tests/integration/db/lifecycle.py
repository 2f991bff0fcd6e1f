"""Jobs on their way, and what the tables say of them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.jobs import Jobs
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import (
    Job,
    JobError,
    JobStage,
    Lease,
    RawResults,
)
from render_service.domain.retry import RetryPolicy
from tests.records import VIDEO

ERROR = JobError(ErrorReason.COMPOSE_FAILED, "the picture tore", {"shot_id": "one"})


AT_ONCE = RetryPolicy(max_attempts=2, base=timedelta(0))


EXPIRED = timedelta(milliseconds=1)


async def row_of(database: Database, job_id: UUID) -> dict[str, object]:
    async with database.single() as connection:
        rows = await connection.execute(sa.text("SELECT * FROM jobs WHERE id = :id"), {"id": job_id})
        return dict(rows.mappings().one())


async def job_of(database: Database, job_id: UUID) -> Job:
    return await Jobs(database).get("team", job_id)


async def milestones_of(database: Database, job_id: UUID) -> list[tuple[int, str]]:
    history = await Jobs(database).history(job_id, 0)
    assert history is not None
    assert [event.milestone for event in history.events] == list(range(1, len(history.events) + 1))
    assert history.job.milestone == len(history.events)
    return [(event.sequence, f"{event.status}{'/' + event.stage if event.stage else ''}") for event in history.events]


Write = Callable[[JobLifecycle, Lease], Awaitable[object]]


WRITES: dict[str, Write] = {
    "report": lambda lifecycle, lease: lifecycle.report(lease, stage=JobStage.UPLOADING, progress=99, message="zombie"),
    "complete": lambda lifecycle, lease: lifecycle.complete(lease, RawResults("zombie"), VIDEO),
    "end_attempt": lambda lifecycle, lease: lifecycle.end_attempt(lease, ERROR, retryable=False),
    "release": lambda lifecycle, lease: lifecycle.release(lease),
}
