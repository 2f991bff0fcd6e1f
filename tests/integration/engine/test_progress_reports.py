"""Progress that changes often costs few transactions, and none of it is lost while the work goes on."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import JobLifecycle, Report
from render_service.domain.jobs.job import JobStatus
from render_service.providers.generator import Generation, ReportProgress
from tests.integration.engine.harness import AT_ONCE, Scripted, engine_with
from tests.records import start_job


class Noting(JobLifecycle):
    """Notes the percentages that were stored."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, lease=timedelta(seconds=30), retry=AT_ONCE)
        self.stored: list[int] = []
        self.changed = asyncio.Condition()

    async def report(self, *arguments: Any, **options: Any) -> Report:
        report = await super().report(*arguments, **options)
        async with self.changed:
            self.stored.append(report.event.progress)
            self.changed.notify_all()
        return report

    async def until(self, percent: int) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: percent in self.stored)


async def test_progress_of_one_moment_is_stored_once_and_the_last_of_it_without_another_report(
    database: Database, tmp_path: Path
) -> None:
    lifecycle = Noting(database)

    async def act(_work: Generation, report: ReportProgress) -> None:
        for percent in range(10, 60):
            await report(percent / 100, "Working")
        await lifecycle.until(59)

    async with engine_with(database, tmp_path, Scripted(act), lifecycle=lifecycle) as engine:
        job = await start_job(database)
        assert await engine.runner.run_next()
        assert (await engine.job(job)).status is JobStatus.COMPLETED
    assert lifecycle.stored[0] == 10
    assert lifecycle.stored[-1] == 59
    assert len(lifecycle.stored) < 25


async def test_nothing_is_reported_after_the_end_of_an_attempt(database: Database, tmp_path: Path) -> None:
    lifecycle = Noting(database)

    async def act(_work: Generation, report: ReportProgress) -> None:
        for percent in (10, 20, 30):
            await report(percent / 100, "Working")

    async with engine_with(database, tmp_path, Scripted(act), lifecycle=lifecycle) as engine:
        job = await start_job(database)
        assert await engine.runner.run_next()
        assert not [task for task in asyncio.all_tasks() if "_store_later" in repr(task)]
        ended = await engine.job(job)
    assert (ended.status, ended.progress) == (JobStatus.COMPLETED, 100)
    assert lifecycle.stored[0] == 10
