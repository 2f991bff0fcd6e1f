"""Projects are kept as they were given, change only for those who read the last version, and show their latest job."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from render_service.db.database import Database
from render_service.db.jobs.job_lists import Position
from render_service.db.projects.projects import Projects
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobError
from render_service.domain.projects.project import Music, Project, ProjectStatus
from tests.records import PROJECT, claim_next, job_request, lifecycle_of, start_job


async def test_a_project_is_read_back_as_it_was_stored(database: Database) -> None:
    rich = replace(
        PROJECT, title="渲染 ✨ “quoted” \\u0000", music=Music("https://example.com/a.mp3"), language="zh-Hans"
    )
    stored = await Projects(database).create("team", rich)
    assert stored.project == rich
    assert await Projects(database).get("team", stored.id) == stored


async def test_an_update_replaces_the_content_and_gives_a_new_etag(database: Database) -> None:
    projects = Projects(database)
    first = await projects.create("team", PROJECT)
    second = await projects.update("team", first.id, replace(PROJECT, title="Second"), etag=first.etag)
    assert (second.project.title, second.create_time) == ("Second", first.create_time)
    assert second.etag != first.etag
    with pytest.raises(DomainError) as refusal:
        await projects.update("team", first.id, PROJECT, etag=first.etag)
    assert refusal.value.reason is ErrorReason.ETAG_MISMATCH
    assert refusal.value.metadata == {"project_id": str(first.id), "etag": second.etag}
    third = await projects.update("team", first.id, replace(PROJECT, title="Third"), etag="")
    assert third.project.title == "Third"


async def test_of_several_updates_with_one_etag_exactly_one_happens(database: Database) -> None:
    projects = Projects(database)
    first = await projects.create("team", PROJECT)
    answers = await asyncio.gather(
        *(projects.update("team", first.id, replace(PROJECT, title=str(n)), etag=first.etag) for n in range(12)),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert sum(isinstance(answer, DomainError) for answer in answers) == 11


async def test_a_project_of_another_workspace_is_absent_to_every_call(database: Database) -> None:
    projects = Projects(database)
    stored = await projects.create("team", PROJECT)
    for call in (
        projects.get("other", stored.id),
        projects.update("other", stored.id, PROJECT, etag=""),
        projects.delete("other", stored.id),
        projects.get("team", uuid4()),
        projects.delete("team", uuid4()),
    ):
        with pytest.raises(DomainError) as refusal:
            await call
        assert refusal.value.reason is ErrorReason.PROJECT_NOT_FOUND
    assert await projects.list("other", after=None, limit=10) == ([], None)
    assert await projects.get("team", stored.id) == stored


async def test_pages_list_every_project_once_newest_first(database: Database) -> None:
    projects = Projects(database)
    made = [(await projects.create("team", PROJECT)).id for _ in range(5)]
    found = []
    after: Position | None = None
    while True:
        page, after = await projects.list("team", after=after, limit=2)
        found += [stored.id for stored in page]
        if after is None:
            break
    assert found == made[::-1]


async def test_a_deleted_project_is_gone_and_its_jobs_stay(database: Database) -> None:
    projects = Projects(database)
    stored = await projects.create("team", PROJECT)
    job = await start_job(database, job_request(project_id=stored.id))
    await projects.delete("team", stored.id)
    with pytest.raises(DomainError):
        await projects.get("team", stored.id)
    assert job.project_id == stored.id


async def test_a_projects_status_follows_its_latest_job(database: Database) -> None:
    projects, lifecycle = Projects(database), lifecycle_of(database)
    assert (await projects.create("team", Project(title="bare"))).status is ProjectStatus.PENDING
    stored = await projects.create("team", PROJECT)
    assert stored.status is ProjectStatus.SCRIPT_READY

    async def status() -> ProjectStatus:
        listed, _ = await projects.list("team", after=None, limit=1)
        found = await projects.get("team", stored.id)
        assert listed == [found]
        return found.status

    request = job_request(project_id=stored.id)
    await start_job(database, request)
    assert await status() is ProjectStatus.PROCESSING
    lease = (await claim_next(lifecycle)).lease
    assert await status() is ProjectStatus.PROCESSING
    await lifecycle.complete(lease, None, None)
    assert await status() is ProjectStatus.COMPLETED
    await start_job(database, request)
    assert await status() is ProjectStatus.PROCESSING
    await lifecycle.end_attempt(
        (await claim_next(lifecycle)).lease, JobError(ErrorReason.INTERNAL, ""), retryable=False
    )
    assert await status() is ProjectStatus.FAILED
    job = await start_job(database, request)
    await lifecycle.cancel("team", job.id)
    assert await status() is ProjectStatus.SCRIPT_READY
