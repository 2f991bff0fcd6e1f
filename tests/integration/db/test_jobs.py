"""Starting a job twice makes one; lists, filters and histories return what is there, of one workspace only."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.jobs.job_lists import JobFilter, Position
from render_service.db.jobs.jobs import Jobs, RequestIdReused
from render_service.db.jobs.workspace_events import OLDEST, WorkspaceEvents
from render_service.db.schema import jobs
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobStage, JobStatus
from render_service.domain.warning import JobWarning, WarningCode
from tests.records import VIDEO, claim_next, job_request, lifecycle_of, start_job
from tests.settled_events import read_settled


async def count(database: Database, table: str) -> int:
    async with database.single() as connection:
        return int(await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


async def test_a_started_job_and_its_first_event_are_stored_together(database: Database) -> None:
    job, event = await Jobs(database).start(job_request(labels={"team": "a"}))
    assert event is not None
    assert (job.status, job.sequence, job.milestone, job.progress) == (JobStatus.PENDING, 1, 1, 0)
    assert (event.job_id, event.task_id, event.sequence, event.is_milestone) == (job.id, job.task_id, 1, True)
    assert await Jobs(database).get("team", job.id) == job
    history = await Jobs(database).history(job.id, 0)
    assert history is not None
    assert history.events == (event,)


async def test_the_same_request_returns_the_same_job_and_nothing_new(database: Database) -> None:
    request = job_request(request_id=uuid4())
    first, event = await Jobs(database).start(request)
    again, nothing = await Jobs(database).start(request)
    assert event is not None
    assert (again, nothing) == (first, None)
    assert await count(database, "job_events") == 1


async def test_the_same_request_returns_its_job_as_it_has_become(database: Database) -> None:
    request = job_request(request_id=uuid4())
    first, _ = await Jobs(database).start(request)
    await lifecycle_of(database).cancel("team", first.id)
    again, _ = await Jobs(database).start(request)
    assert (again.id, again.status) == (first.id, JobStatus.CANCELLED)


async def test_a_request_id_with_another_body_is_refused_and_names_the_first_job(database: Database) -> None:
    request_id = uuid4()
    first, _ = await Jobs(database).start(job_request(request_id=request_id))
    with pytest.raises(RequestIdReused) as refusal:
        await Jobs(database).start(job_request(request_id=request_id, body=b"another"))
    assert refusal.value.metadata == {"request_id": str(request_id), "job_id": str(first.id)}
    assert await count(database, "jobs") == 1


async def test_workspaces_have_request_ids_of_their_own(database: Database) -> None:
    request_id = uuid4()
    first, _ = await Jobs(database).start(job_request(request_id=request_id))
    other, _ = await Jobs(database).start(job_request(request_id=request_id, workspace="other", body=b"another"))
    assert first.id != other.id


async def test_more_duplicates_at_once_than_there_are_connections_make_one_job(database: Database) -> None:
    request = job_request(request_id=uuid4())
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(Jobs(database).start(request) for _ in range(40)))
    assert len({job.id for job, _ in answers}) == 1
    assert sum(event is not None for _, event in answers) == 1
    assert (await count(database, "jobs"), await count(database, "job_events")) == (1, 1)


async def test_of_different_requests_with_one_id_at_once_one_wins_and_the_others_are_refused(
    database: Database,
) -> None:
    request_id = uuid4()
    answers = await asyncio.gather(
        *(Jobs(database).start(job_request(request_id=request_id, body=bytes([n]))) for n in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, tuple) for answer in answers) == 1
    assert sum(isinstance(answer, RequestIdReused) for answer in answers) == 19


async def test_a_job_of_another_workspace_is_as_absent_as_one_that_never_was(database: Database) -> None:
    job = await start_job(database)
    refusals = []
    for workspace, job_id in (("other", job.id), ("team", uuid4())):
        with pytest.raises(DomainError) as refusal:
            await Jobs(database).get(workspace, job_id)
        assert refusal.value.metadata == {"job_id": str(job_id)}
        refusals.append((refusal.value.reason, refusal.value.message))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] is ErrorReason.JOB_NOT_FOUND


async def pages(database: Database, wanted: JobFilter, limit: int) -> list[list[UUID]]:
    found: list[list[UUID]] = []
    after: Position | None = None
    while True:
        page, after = await Jobs(database).list("team", wanted, after=after, limit=limit)
        found.append([job.id for job in page])
        if after is None:
            return found


async def test_pages_list_every_job_once_newest_first_also_those_of_the_same_moment(database: Database) -> None:
    for _ in range(7):
        await start_job(database)
    await start_job(database, job_request(workspace="other"))
    async with database.single() as connection:
        await connection.execute(
            sa.text("UPDATE jobs SET created_at = date_trunc('day', now()) WHERE id IN (SELECT id FROM jobs LIMIT 4)")
        )
        rows = await connection.execute(
            sa.text("SELECT id FROM jobs WHERE workspace_id = 'team' ORDER BY created_at DESC, id DESC")
        )
        order = [row.id for row in rows]
    found = await pages(database, JobFilter(), 3)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [job_id for page in found for job_id in page] == order


async def test_a_page_that_ends_with_the_last_job_promises_no_other(database: Database) -> None:
    for _ in range(4):
        await start_job(database)
    assert [len(page) for page in await pages(database, JobFilter(), 2)] == [2, 2]
    assert await pages(database, JobFilter(project_id=uuid4()), 2) == [[]]


async def test_a_list_keeps_what_the_filter_wants(database: Database) -> None:
    project_id = uuid4()
    red = await start_job(database, job_request(labels={"colour": "red", "size": "s"}, project_id=project_id))
    blue = await start_job(database, job_request(labels={"colour": "blue", "size": "s"}))
    await lifecycle_of(database).cancel("team", blue.id)
    for wanted, expected in (
        (JobFilter(labels={"colour": "red"}), [red.id]),
        (JobFilter(labels={"size": "s"}), [blue.id, red.id]),
        (JobFilter(labels={"colour": "red", "size": "l"}), []),
        (JobFilter(project_id=project_id), [red.id]),
        (JobFilter(statuses=(JobStatus.CANCELLED,)), [blue.id]),
        (JobFilter(statuses=(JobStatus.CANCELLED, JobStatus.PENDING)), [blue.id, red.id]),
        (JobFilter(statuses=(JobStatus.FAILED,)), []),
    ):
        assert await pages(database, wanted, 10) == [expected]


async def test_history_returns_the_events_after_a_sequence_and_the_current_job(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    for progress in (1, 2):
        await lifecycle.report(lease, stage=JobStage.PREPARING, progress=progress, message="")
    await lifecycle.report(lease, stage=JobStage.COMPOSING, progress=3, message="")
    await lifecycle.report(lease, stage=JobStage.COMPOSING, progress=9, message="now")
    for after, sequences in ((0, [1, 2, 5]), (1, [2, 5]), (2, [5]), (4, [5]), (5, []), (6, []), (10**15, [])):
        history = await Jobs(database).history(job.id, after)
        assert history is not None
        assert [event.sequence for event in history.events] == sequences
        assert (history.job.sequence, history.job.progress, history.job.message) == (6, 9, "now")
        assert history.oldest_after == 0
    assert await Jobs(database).history(uuid4(), 0) is None


async def test_warnings_of_the_attempt_that_completed_a_job_stay_with_it_and_its_event(database: Database) -> None:
    warnings = (JobWarning(WarningCode.ASSET_REPLACED, "one.image_uri: empty", "one", "image_uri"),)
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    event = await lifecycle.complete((await claim_next(lifecycle)).lease, None, VIDEO, [*warnings, *warnings])
    assert event.warnings == warnings
    assert (await Jobs(database).get("team", job.id)).warnings == warnings
    history = await Jobs(database).history(job.id, 0)
    assert history is not None
    assert [entry.warnings for entry in history.events] == [(), (), warnings]
    batch = await read_settled(WorkspaceEvents(database), "team", OLDEST)
    assert [entry.warnings for entry, _ in batch.events] == [(), (), warnings]


async def test_a_warning_of_a_newer_build_does_not_hide_the_job(database: Database) -> None:
    job = await start_job(database)
    stored = [{"code": "FROM_THE_FUTURE", "message": "", "shot_id": "", "field": ""}]
    async with database.single() as connection:
        await connection.execute(sa.update(jobs).values(warnings=stored))
    assert (await Jobs(database).get("team", job.id)).warnings == ()


async def test_history_knows_from_where_it_is_still_complete(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    await lifecycle.complete((await claim_next(lifecycle)).lease, None, VIDEO)
    async with database.single() as connection:
        await connection.execute(sa.text("DELETE FROM job_events WHERE milestone < 3"))
    history = await Jobs(database).history(job.id, 2)
    assert history is not None
    assert history.oldest_after == 2
    assert [event.sequence for event in history.events] == [3]


async def test_the_current_events_of_many_jobs_are_read_at_once(database: Database) -> None:
    first, second = await start_job(database), await start_job(database)
    await lifecycle_of(database).cancel("team", second.id)
    assert await Jobs(database).present([first.id, second.id, uuid4()]) == {first.id: 1, second.id: 2}
    assert await Jobs(database).present([]) == {}


async def test_times_are_aware_and_follow_each_other(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    await lifecycle.complete((await claim_next(lifecycle)).lease, None, None)
    job = await Jobs(database).get("team", job.id)
    assert job.start_time is not None
    assert job.end_time is not None
    assert job.create_time <= job.start_time <= job.end_time <= job.update_time
    assert job.create_time.utcoffset() == timedelta(0)
