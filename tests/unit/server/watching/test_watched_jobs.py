"""Watches of one job read its task once, and access to it stays with its workspace."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from render_service.db.jobs.jobs import job_not_found
from render_service.domain.errors import DomainError
from render_service.domain.jobs.job import Job
from render_service.server.services import watched_jobs
from render_service.server.services.watched_jobs import WatchedJobs
from tests.unit.server.watching.test_event_responses import JOB


class Table:
    """Jobs of the workspace `team`, and how often one was read."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(self, workspace_id: str, job_id: UUID) -> Job:
        self.reads += 1
        if workspace_id != "team":
            raise job_not_found(job_id)
        return replace(JOB, id=job_id)


async def test_many_watches_of_a_job_read_it_once() -> None:
    table = Table()
    jobs = WatchedJobs(table.read)
    assert {await jobs.task_of("team", JOB.id) for _ in range(100)} == {JOB.task_id}
    assert table.reads == 1


async def test_a_cached_job_is_not_found_in_another_workspace() -> None:
    jobs = WatchedJobs(Table().read)
    await jobs.task_of("team", JOB.id)
    with pytest.raises(DomainError, match="no such job"):
        await jobs.task_of("other", JOB.id)


async def test_a_job_that_was_not_found_is_read_again() -> None:
    table = Table()
    jobs = WatchedJobs(table.read)
    for _ in range(2):
        with pytest.raises(DomainError):
            await jobs.task_of("other", JOB.id)
    assert table.reads == 2


async def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_jobs, "_MAX_JOBS", 2)
    table = Table()
    jobs = WatchedJobs(table.read)
    first = uuid4()
    for job_id in (first, uuid4(), uuid4(), first):
        await jobs.task_of("team", job_id)
    assert table.reads == 4
