"""The same request many times at once: one job, and nobody waits for a connection that another waiter holds."""

import asyncio
from uuid import uuid4

from render_service.db.database import Database
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import ProviderName, RenderSpec
from render_service.domain.jobs.request import JobOptions, JobRequest
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project


async def test_more_concurrent_duplicates_than_connections_make_one_job_at_once(database_url: str) -> None:
    database = Database(database_url, size=3)
    spec = RenderSpec(Project(), OutputSpec(640, 360, 30, Quality.DRAFT))
    request = JobRequest("team", None, ProviderName.MOCK, spec, JobOptions(request_id=uuid4(), request_hash=b"body"))
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(Jobs(database).start(request) for _ in range(60)))
    await database.close()
    assert len({job.id for job, _ in answers}) == 1
    assert sum(event is not None for _, event in answers) == 1
