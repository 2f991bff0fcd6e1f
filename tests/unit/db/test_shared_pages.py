"""Callers that want the same page of jobs at the same time share one read."""

import asyncio
from collections.abc import Mapping
from typing import Any

from render_service.db.database import Database
from render_service.db.jobs.job_lists import JobFilter
from render_service.db.jobs.jobs import Jobs
from render_service.db.prepared import Row, Statement
from render_service.domain.jobs.job import JobStatus


class SlowDatabase(Database):
    """Has no jobs, and counts the reads of each workspace. Each takes until it is allowed to end."""

    def __init__(self) -> None:
        super().__init__("postgresql://unused.invalid/test")
        self.reads: list[str] = []
        self.answers = asyncio.Event()

    async def execute_for(self, workspace_id: str, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        self.reads.append(workspace_id)
        await self.answers.wait()
        return []


async def test_callers_of_one_page_share_a_read_and_a_caller_during_a_read_gets_the_next() -> None:
    database = SlowDatabase()
    jobs = Jobs(database)
    wanted = JobFilter(labels={"a": "1", "b": "2"})
    same = JobFilter(labels={"b": "2", "a": "1"})

    def read(wanted: JobFilter, workspace: str = "team", limit: int = 20) -> asyncio.Task[Any]:
        return asyncio.create_task(jobs.list(workspace, wanted, after=None, limit=limit))

    calls = [read(wanted), read(same), read(wanted)]
    while not database.reads:
        await asyncio.sleep(0)
    assert database.reads == ["team"]
    calls += [read(wanted), read(same)]
    database.answers.set()
    assert await asyncio.gather(*calls) == [([], None)] * 5
    assert database.reads == ["team"] * 2
    others = [read(wanted, limit=21), read(wanted, "other"), read(JobFilter()), read(JobFilter((JobStatus.FAILED,)))]
    await asyncio.gather(*others)
    assert sorted(database.reads) == ["other"] + ["team"] * 5
