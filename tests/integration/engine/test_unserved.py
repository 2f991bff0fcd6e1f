"""A workspace that fills all slots of a worker delays no workspace that has no job running."""

import asyncio
from pathlib import Path

import pytest

from render_service.db.database import Database
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import Job, JobStatus
from render_service.providers.generator import Generation, ReportProgress
from tests.integration.engine.harness import Scripted, engine_with
from tests.records import job_request, start_job

SLOTS = 2


class Neighbours(Scripted):
    """Jobs of the workspace `hog` run until they are released; those of others end at once."""

    def __init__(self) -> None:
        super().__init__(self._work)
        self.release = asyncio.Event()
        self.order: list[str] = []

    async def _work(self, work: Generation, report: ReportProgress) -> None:
        self.order.append(work.lease.workspace_id)
        if work.lease.workspace_id == "hog":
            await self.release.wait()


async def status_of(database: Database, job: Job) -> JobStatus:
    return (await Jobs(database).get(job.workspace_id, job.id)).status


async def test_a_workspace_without_a_running_job_is_served_although_another_fills_all_slots(
    database: Database, tmp_path: Path
) -> None:
    provider = Neighbours()
    async with engine_with(database, tmp_path, provider, slots=SLOTS) as engine:
        hogs = [await start_job(database, job_request(workspace="hog")) for _ in range(SLOTS + 2)]
        slots = [asyncio.create_task(engine.runner.run_next()) for _ in range(SLOTS)]
        while len(provider.order) < SLOTS:
            await asyncio.sleep(0.01)
        victims = [await start_job(database, job_request(workspace=name)) for name in ("other", "third")]
        for _ in victims:
            await engine.runner.run_unserved()
        assert [await status_of(database, job) for job in victims] == [JobStatus.COMPLETED] * 2
        # The hog has jobs that wait; the reserved slot is not for them.
        async with asyncio.timeout(60):
            await engine.runner.run_unserved()
        assert provider.order == ["hog", "hog", "other", "third"]
        provider.release.set()
        await asyncio.gather(*slots)
        assert [await status_of(database, job) for job in hogs[:SLOTS]] == [JobStatus.COMPLETED] * SLOTS


@pytest.mark.parametrize("busy", range(SLOTS))
async def test_the_reserved_slot_leaves_jobs_to_slots_that_are_free(
    database: Database, tmp_path: Path, busy: int
) -> None:
    provider = Neighbours()
    async with engine_with(database, tmp_path, provider, slots=SLOTS) as engine:
        for _ in range(busy):
            await start_job(database, job_request(workspace="hog"))
        slots = [asyncio.create_task(engine.runner.run_next()) for _ in range(busy)]
        while len(provider.order) < busy:
            await asyncio.sleep(0.01)
        victim = await start_job(database, job_request(workspace="other"))
        await engine.runner.run_unserved()
        assert await status_of(database, victim) is JobStatus.PENDING
        provider.release.set()
        await asyncio.gather(*slots)
