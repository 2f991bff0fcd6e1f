"""Calls that share a statement have each their own outcome, and wait for no other workspace."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.rows import dict_row

from render_service.db.database import Database
from render_service.db.jobs.job_inserts import insert_jobs, new_job
from render_service.db.jobs.jobs import Jobs
from render_service.db.prepared import Row, Statement
from render_service.db.row_mapping import RENDER_SPEC
from render_service.domain.access.audit import Origin
from render_service.domain.access.quota import Quotas
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import Job, JobEvent
from tests.records import PROJECT, SPEC, claim_next, job_request, lifecycle_of


async def test_jobs_started_at_once_are_each_stored_with_their_own_event_and_entry(database: Database) -> None:
    jobs = Jobs(database)
    started = await asyncio.gather(
        *(
            jobs.start(
                job_request(labels={"order": str(number)}),
                origin=Origin(f"key-{number}", "k", "peer", uuid4()),
                is_small=True,
            )
            for number in range(20)
        )
    )
    assert [job.labels for job, _ in started] == [{"order": str(number)} for number in range(20)]
    assert all(event is not None and event.job_id == job.id for job, event in started)
    async with database.single() as connection:
        entries = await connection.execute(sa.text("SELECT target, principal FROM audit_log"))
        assert {(entry.target, entry.principal) for entry in entries} == {
            (job.id, f"key-{number}") for number, (job, _) in enumerate(started)
        }
        assert await connection.scalar(sa.text("SELECT count(DISTINCT xid) FROM job_events")) == 1


async def test_a_batch_stores_no_more_jobs_than_the_quota_of_each_workspace(database: Database) -> None:
    jobs = Jobs(database)
    workspaces = ["small", "large", "unlimited"] * 10
    most = {"small": 3, "large": 8, "unlimited": None}
    results = await asyncio.gather(
        *(
            jobs.start(
                replace(job_request(), workspace_id=workspace),
                quotas=Quotas(queued_jobs=most[workspace]),
                is_small=True,
            )
            for workspace in workspaces
        ),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, DomainError)]
    assert {error.reason for error in refused} == {ErrorReason.QUOTA_EXCEEDED}
    admitted = [workspace for workspace, result in zip(workspaces, results, strict=True) if isinstance(result, tuple)]
    assert {workspace: admitted.count(workspace) for workspace in most} == {"small": 3, "large": 8, "unlimited": 10}


async def test_a_job_that_the_database_refuses_takes_no_other_along(database: Database) -> None:
    jobs = Jobs(database)
    results = await asyncio.gather(
        *(jobs.start(job_request(labels={"text": "\0" if number == 3 else ""}), is_small=True) for number in range(6)),
        return_exceptions=True,
    )
    assert isinstance(results[3], psycopg.errors.UntranslatableCharacter)
    stored = [result for result in results if isinstance(result, tuple)]
    assert len(stored) == 5
    for job, _ in stored:
        assert await jobs.get("team", job.id) == job


async def test_a_job_whose_caller_leaves_during_the_commit_is_stored_and_notified_of(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed, answered = asyncio.Event(), asyncio.Event()
    execute = database.execute

    async def answering_late(statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        rows = await execute(statement, parameters)
        committed.set()
        await answered.wait()
        return rows

    notified: asyncio.Queue[tuple[JobEvent, bool]] = asyncio.Queue()
    jobs = Jobs(database, lambda event, *, is_sent: notified.put_nowait((event, is_sent)))
    monkeypatch.setattr(database, "execute", answering_late)
    caller = asyncio.create_task(jobs.start(job_request(), is_small=True, is_sent=True))
    await committed.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert notified.empty()
    answered.set()
    async with asyncio.timeout(60):
        event, is_sent = await notified.get()
    assert is_sent
    assert (await jobs.get("team", event.job_id)).task_id == event.task_id


async def test_each_new_job_is_notified_of_once_and_none_that_was_not_stored(database: Database) -> None:
    notified: list[tuple[UUID, bool]] = []
    jobs = Jobs(database, lambda event, *, is_sent: notified.append((event.job_id, is_sent)))
    request = job_request(request_id=uuid4())
    started = await asyncio.gather(
        jobs.start(request, is_small=True, is_sent=True),
        jobs.start(request, is_small=True, is_sent=True),
        jobs.start(job_request(), is_small=True),
        jobs.start(job_request(labels={"text": "\0"}), is_small=True, is_sent=True),
        return_exceptions=True,
    )
    sent, repeated, due = [result[0].id for result in started if isinstance(result, tuple)]
    assert sent == repeated
    assert sorted(notified) == sorted([(sent, True), (due, False)])


async def test_one_request_sent_twice_at_once_makes_one_job(database: Database) -> None:
    jobs = Jobs(database)
    request = job_request(request_id=uuid4())
    started = await asyncio.gather(*(jobs.start(each, is_small=True) for each in [request] * 10 + [job_request()]))
    assert len({job.id for job, _ in started[:10]}) == 1
    assert sum(event is not None for _, event in started[:10]) == 1
    assert started[10][1] is not None


async def test_jobs_read_at_once_are_found_in_their_own_workspace_only(database: Database) -> None:
    jobs = Jobs(database)
    ours, _ = await jobs.start(job_request())
    theirs, _ = await jobs.start(replace(job_request(), workspace_id="other"))

    async def read(workspace_id: str, job_id: UUID) -> Job | ErrorReason:
        try:
            return await jobs.get(workspace_id, job_id)
        except DomainError as error:
            return error.reason

    calls = [("team", ours.id), ("other", theirs.id), ("team", theirs.id), ("other", ours.id), ("team", uuid4())]
    missing = ErrorReason.JOB_NOT_FOUND
    assert await asyncio.gather(*(read(*call) for call in calls)) == [ours, theirs, missing, missing, missing]


async def test_one_request_sent_twice_at_once_takes_one_place_in_the_queue(database: Database) -> None:
    jobs = Jobs(database)
    request = job_request(request_id=uuid4())
    requests = [request, request, job_request(), request]
    started = await asyncio.gather(
        *(jobs.start(each, quotas=Quotas(queued_jobs=2), is_small=True) for each in requests)
    )
    assert len({job.id for job, _ in started}) == 2


async def test_a_job_that_this_build_cannot_read_fails_its_own_callers_only(database: Database) -> None:
    jobs = Jobs(database)
    known, unknown = [(await jobs.start(job_request(), is_small=True))[0] for _ in range(2)]
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE jobs SET provider = 'later' WHERE id = :id"), {"id": unknown.id})
    results = await asyncio.gather(
        *(jobs.get("team", job.id) for job in (known, unknown, known)), return_exceptions=True
    )
    assert [results[0], results[2]] == [known, known]
    assert isinstance(results[1], ValueError)


@pytest.mark.parametrize("characters", [10, 100_000])
async def test_specs_of_any_size_are_stored(database: Database, characters: int) -> None:
    request = job_request()
    spec = replace(request.spec, project=replace(request.spec.project, title="x" * characters))
    job, event = await Jobs(database).start(replace(request, spec=spec), is_small=characters < 1000)
    assert event is not None
    async with database.single() as connection:
        title = await connection.scalar(
            sa.text("SELECT spec -> 'project' ->> 'title' FROM jobs WHERE id = :id"), {"id": job.id}
        )
    assert title == "x" * characters


@pytest.mark.parametrize("characters", [10, 100_000])
async def test_jobs_of_a_workspace_whose_lock_is_held_delay_no_other_workspace(
    database_url: str, characters: int
) -> None:
    request = job_request(spec=replace(SPEC, project=replace(PROJECT, title="x" * characters)))
    database = Database(database_url, size=3)
    jobs = Jobs(database)
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute("SELECT jobs_in_turn('team', 'PENDING')")
        quotas = Quotas(queued_jobs=10)
        held = [asyncio.create_task(jobs.start(request, quotas=quotas, is_small=True)) for _ in range(6)]
        elsewhere = replace(request, workspace_id="other")
        other = asyncio.create_task(jobs.start(elsewhere, quotas=quotas, is_small=True))
        async with asyncio.timeout(60):
            await other
        assert not any(call.done() for call in held)
        await holder.rollback()
        assert len(await asyncio.gather(*held)) == 6
    await database.close()


async def queue_bound(database: Database) -> int:
    async with database.single() as connection:
        bound = await connection.scalar(
            sa.text("SELECT queued_at_most FROM workspace_queues WHERE workspace_id = 'team'")
        )
    assert isinstance(bound, int)
    return bound


async def test_waiting_jobs_are_counted_only_where_those_ever_added_would_exceed_the_quota(database: Database) -> None:
    jobs, lifecycle = Jobs(database), lifecycle_of(database)
    for number in range(3):
        job, _ = await jobs.start(job_request(), quotas=Quotas(queued_jobs=3), is_small=True)
        assert await queue_bound(database) == number + 1
    with pytest.raises(DomainError, match="queued_jobs of 3"):
        await jobs.start(job_request(), quotas=Quotas(queued_jobs=3), is_small=True)
    await lifecycle.cancel("team", job.id)
    await jobs.start(job_request(), quotas=Quotas(queued_jobs=10), is_small=True)
    assert await queue_bound(database) == 4, "was counted although 4 of 10 is enough to know"
    await lifecycle.cancel("team", job.id)
    with pytest.raises(DomainError, match="queued_jobs of 3"):
        await jobs.start(job_request(), quotas=Quotas(queued_jobs=3), is_small=True)
    assert await queue_bound(database) == 3


async def test_a_full_queue_is_not_counted_for_each_start(database: Database) -> None:
    jobs, quotas = Jobs(database), Quotas(queued_jobs=20_000)
    async with database.single() as connection:
        await connection.execute(
            sa.text("""
            INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
            SELECT gen_random_uuid(), gen_random_uuid(), 'team', 'mock', '{}' FROM generate_series(1, 20000)
        """)
        )

    async def refused() -> None:
        with pytest.raises(DomainError, match="queued_jobs of"):
            await jobs.start(job_request(), quotas=quotas, is_small=True)

    await refused()
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE workspace_queues SET full_until = now() + interval '1 minute'"))
        await connection.execute(sa.text("DELETE FROM jobs"))
    await refused()
    await jobs.start(job_request(), quotas=Quotas(queued_jobs=20_001), is_small=True)
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE workspace_queues SET full_until = now()"))
    await jobs.start(job_request(), quotas=quotas, is_small=True)


@dataclass(frozen=True)
class OpenTransaction:
    """Runs statements of the service in a transaction that stays open."""

    connection: psycopg.AsyncConnection[Any]

    async def execute(self, statement: Statement, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        text, values = statement.bind(parameters)
        cursor = psycopg.AsyncRawCursor(self.connection, row_factory=dict_row)
        return await (await cursor.execute(text, values)).fetchall()


async def test_a_quota_that_is_new_counts_a_job_that_is_being_stored_without_one(
    database: Database, database_url: str
) -> None:
    request = job_request()
    uncounted = new_job(request, RENDER_SPEC.dump_json(request.spec), Quotas(), origin=None)
    async with await psycopg.AsyncConnection.connect(database_url) as storing:
        await insert_jobs(cast("Database", OpenTransaction(storing)), [uncounted])
        counted = asyncio.create_task(Jobs(database).start(request, quotas=Quotas(queued_jobs=1), is_small=True))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(60), database.single() as connection:
            while not counted.done() and not await connection.scalar(sa.text(waiting)):
                await asyncio.sleep(0.01)
        assert not counted.done(), "the quota was checked without the other job"
        await storing.commit()
    with pytest.raises(DomainError, match="queued_jobs of 1"):
        await counted


async def test_a_job_that_has_to_wait_again_counts_as_waiting(database: Database) -> None:
    jobs, lifecycle = Jobs(database), lifecycle_of(database)
    quotas = Quotas(queued_jobs=1)
    await jobs.start(job_request(), quotas=quotas, is_small=True)
    lease = (await claim_next(lifecycle)).lease
    await jobs.start(job_request(), quotas=quotas, is_small=True)
    await lifecycle.release(lease)
    for limit in (1, 2):
        with pytest.raises(DomainError, match="queued_jobs"):
            await jobs.start(job_request(), quotas=Quotas(queued_jobs=limit), is_small=True)
    await jobs.start(job_request(), quotas=Quotas(queued_jobs=3), is_small=True)
