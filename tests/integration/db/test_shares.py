"""Workspaces share the workers fairly, keep to their quotas exactly, and order their own jobs by priority."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from render_service.db.access.quotas import WorkspaceQuotas
from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.db.jobs.jobs import Jobs
from render_service.db.workspace_tables import workspace_storage
from render_service.domain.access.quota import QuotaName, Quotas
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import Lease, ProviderName
from render_service.domain.jobs.request import JobOptions, JobRequest
from render_service.domain.retry import RetryPolicy
from tests.records import HOUR, SPEC, VIDEO, claim_next, job_request, lifecycle_of, start_job


async def queue(database: Database, workspace: str, count: int = 1, *, priority: int = 0) -> list[UUID]:
    request = JobRequest(workspace, None, ProviderName.MOCK, SPEC, JobOptions(priority=priority))
    return [(await start_job(database, request)).id for _ in range(count)]


async def claim(lifecycle: JobLifecycle) -> Claim | None:
    return await lifecycle.claim(worker="test", providers=list(ProviderName), deadline=HOUR)


async def flood(database: Database, workspace: str, count: int) -> None:
    """Queue many jobs at once, all older than what is queued afterwards."""
    (first,) = await queue(database, workspace)
    async with database.single() as connection:
        names = list((await connection.execute(sa.text("SELECT * FROM jobs LIMIT 0"))).keys())
        kept = ", ".join(name for name in names if name not in {"id", "task_id"})
        await connection.execute(
            sa.text(
                f"INSERT INTO jobs (id, task_id, {kept}) SELECT gen_random_uuid(), gen_random_uuid(), {kept} "
                "FROM jobs, generate_series(2, :count) WHERE id = :id"
            ),
            {"count": count, "id": first},
        )


@pytest.mark.parametrize("slots", [1, 2, 5])
async def test_one_job_does_not_wait_behind_a_thousand_of_another_workspace(database: Database, slots: int) -> None:
    lifecycle = lifecycle_of(database)
    await flood(database, "many", 1_000)
    running = [await claim(lifecycle) for _ in range(slots)]
    for held in running[1:]:
        assert held is not None
        await lifecycle.complete(held.lease, None, None)
    (single,) = await queue(database, "few")
    # As jobs end one by one: the very next that is claimed is the single one.
    assert running[0] is not None
    await lifecycle.complete(running[0].lease, None, None)
    following = await claim(lifecycle)
    assert following is not None
    assert following.lease.job_id == single


async def test_a_workspace_that_was_served_waits_for_the_others(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    for workspace in ("a", "b", "c"):
        await queue(database, workspace, 4)
    order = []
    for _ in range(12):
        held = await claim(lifecycle)
        assert held is not None
        order.append(held.lease.workspace_id)
        await lifecycle.complete(held.lease, None, None)
    assert order == ["a", "b", "c"] * 4


async def test_slots_are_shared_evenly_while_everybody_has_work(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    await queue(database, "many", 20)
    await queue(database, "some", 3)
    await queue(database, "one", 1)
    held = [await claim(lifecycle) for _ in range(9)]
    assert Counter(found.lease.workspace_id for found in held if found) == {"many": 5, "some": 3, "one": 1}


async def test_priority_orders_the_jobs_of_a_workspace_and_of_no_other(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    late, urgent, usual, next_usual = [
        (await queue(database, "team", priority=priority))[0] for priority in (-5, 100, 0, 0)
    ]
    (other,) = await queue(database, "other", priority=-100)
    held = [await claim(lifecycle) for _ in range(5)]
    order = [found.lease.job_id for found in held if found]
    assert [job_id for job_id in order if job_id != other] == [urgent, usual, next_usual, late]
    assert order.index(other) <= 1, "its turn comes whatever others think of their own jobs"


async def test_a_job_that_another_claim_has_locked_leads_to_the_next_of_whichever_kind(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    for provider, priorities in {ProviderName.MOCK: (9, 5, 4), ProviderName.RUNWAY: (8, 7, 3)}.items():
        for priority in priorities:
            request = job_request(provider=provider)
            await start_job(database, replace(request, options=replace(request.options, priority=priority)))
    first = sa.text("SELECT id FROM jobs WHERE priority >= 8 FOR NO KEY UPDATE")
    async with database.transaction() as other:
        assert len((await other.execute(first)).all()) == 2
        claimed = [(await claim_next(lifecycle)).lease.job_id for _ in range(4)]
    async with database.single() as connection:
        found = await connection.execute(sa.text("SELECT id, priority FROM jobs"))
        priority_of = {row.id: row.priority for row in found}
    assert [priority_of[job_id] for job_id in claimed] == [7, 5, 4, 3]


async def test_a_job_is_claimed_however_many_before_it_are_locked(database: Database) -> None:
    await queue(database, "team", 20)
    (last,) = await queue(database, "team", priority=-1)
    locked = sa.text("SELECT id FROM jobs WHERE priority = 0 FOR NO KEY UPDATE")
    async with database.transaction() as other:
        assert len((await other.execute(locked)).all()) == 20
        assert (await claim_next(lifecycle_of(database))).lease.job_id == last


async def test_many_claims_at_once_take_each_job_once_and_miss_none(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    for workspace in ("a", "b", "c", "d"):
        await queue(database, workspace, 5)
    held = await asyncio.gather(*(claim(lifecycle) for _ in range(20)))
    assert len({found.lease.job_id for found in held if found}) == 20
    assert await claim(lifecycle) is None


async def test_no_more_jobs_run_than_the_quota_says_however_many_claim_at_once(database: Database) -> None:
    lifecycle = JobLifecycle(database, lease=HOUR, retry=RetryPolicy(), running_quota=2)
    await WorkspaceQuotas(database).set("big", {QuotaName.RUNNING_JOBS: 5})
    await WorkspaceQuotas(database).set("free", {QuotaName.RUNNING_JOBS: None})
    await WorkspaceQuotas(database).set("stopped", {QuotaName.RUNNING_JOBS: 0})
    for workspace in ("usual", "big", "free", "stopped"):
        await queue(database, workspace, 8)
    held = [found for found in await asyncio.gather(*(claim(lifecycle) for _ in range(40))) if found]
    # A claim that finds its workspace full at the last moment goes away empty: the next one finds the rest.
    while (found := await claim(lifecycle)) is not None:
        held.append(found)
    assert Counter(found.lease.workspace_id for found in held) == {"usual": 2, "big": 5, "free": 8}
    done = next(found for found in held if found.lease.workspace_id == "usual")
    await lifecycle.complete(done.lease, None, None)
    following = await claim(lifecycle)
    assert following is not None
    assert following.lease.workspace_id == "usual"
    assert await claim(lifecycle) is None


def test_running_jobs_are_counted_without_reading_those_that_wait(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("""
            INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
            SELECT gen_random_uuid(), gen_random_uuid(), 'crowded', 'mock', '{}' FROM generate_series(1, 3000)
        """)
        connection.execute("ANALYZE jobs")
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for _ in range(2):  # the first one reads the catalog
            row = connection.execute(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT workspace_has_room('crowded', 'PROCESSING', 5)"
            ).fetchone()
        connection.rollback()
    assert row is not None
    assert row[0][0]["Plan"]["Shared Hit Blocks"] < 20


async def test_no_more_jobs_are_queued_than_the_quota_says_however_many_start_at_once(database: Database) -> None:
    jobs = Jobs(database)

    async def start() -> DomainError | None:
        try:
            await jobs.start(job_request(), quotas=Quotas(queued_jobs=10))
        except DomainError as refused:
            return refused
        return None

    refusals = [refused for refused in await asyncio.gather(*(start() for _ in range(40))) if refused is not None]
    assert len(refusals) == 30
    for refused in refusals:
        assert refused.reason is ErrorReason.QUOTA_EXCEEDED
        assert refused.metadata == {"quota": "queued_jobs", "limit": "10"}
    assert await claim(lifecycle_of(database)) is not None
    assert await start() is None, "what runs does not wait any more"


async def test_the_same_request_is_answered_with_its_job_also_when_the_queue_is_full(database: Database) -> None:
    jobs = Jobs(database)
    request = job_request(request_id=UUID(int=7))
    first, _ = await jobs.start(request, quotas=Quotas(queued_jobs=1))
    again, event = await jobs.start(request, quotas=Quotas(queued_jobs=1))
    assert (again.id, event) == (first.id, None)


async def stored_bytes(database: Database, workspace: str) -> int:
    statement = sa.select(workspace_storage.c.video_bytes).where(workspace_storage.c.workspace_id == workspace)
    async with database.single() as connection:
        return (await connection.execute(statement)).scalar_one_or_none() or 0


async def test_stored_bytes_are_those_of_all_files_of_finished_videos(database: Database) -> None:
    assert await stored_bytes(database, "team") == 0
    await start_job(database)
    held = await claim(lifecycle_of(database))
    assert held is not None
    await lifecycle_of(database).complete(held.lease, None, VIDEO)
    assert await stored_bytes(database, "team") == 1234 + 12
    assert await stored_bytes(database, "other") == 0


async def test_no_job_is_stored_once_the_videos_take_what_the_quota_says(database: Database) -> None:
    jobs, lifecycle = Jobs(database), lifecycle_of(database)
    quotas = Quotas(stored_bytes=1246, queued_jobs=5)
    await jobs.start(job_request(), quotas=replace(quotas, stored_bytes=1))
    held = await claim(lifecycle)
    assert held is not None
    await lifecycle.complete(held.lease, None, VIDEO)
    with pytest.raises(DomainError) as refused:
        await jobs.start(job_request(), quotas=quotas)
    assert refused.value.metadata == {"quota": "stored_bytes", "limit": "1246"}
    await jobs.start(job_request(), quotas=replace(quotas, stored_bytes=1247))


async def test_stored_bytes_are_counted_exactly_however_many_videos_come_and_go_at_once(database: Database) -> None:
    async def recount() -> dict[str, int]:
        statement = sa.text("SELECT workspace_id, sum(size_bytes) FROM videos GROUP BY workspace_id")
        async with database.single() as connection:
            return {workspace: int(size) for workspace, size in await connection.execute(statement)}

    lifecycle, deletions = lifecycle_of(database), Deletions(database)
    jobs = [job_id for workspace in ("a", "b") for job_id in await queue(database, workspace, 30)]
    held = [found.lease for found in [await claim(lifecycle) for _ in jobs] if found is not None]
    first, second = held[:30], held[30:]
    await asyncio.gather(*(lifecycle.complete(lease, None, VIDEO) for lease in first))
    # Videos of both workspaces expire in batches while others are completed and deleted.
    await asyncio.gather(
        *(deletions.expire_videos(age=timedelta(0), batch=5) for _ in range(2)),
        *(deletions.expire_jobs(age=timedelta(0), batch=5) for _ in range(2)),
        *(lifecycle.complete(lease, None, VIDEO) for lease in second),
        *(_delete(deletions, lease) for lease in first),
    )
    counted = {workspace: await stored_bytes(database, workspace) for workspace in ("a", "b")}
    assert counted == {"a": 0, "b": 0} | await recount()


async def _delete(deletions: Deletions, lease: Lease) -> None:
    with suppress(DomainError):  # it has expired
        await deletions.delete_job(lease.workspace_id, lease.job_id)


async def test_quotas_of_a_workspace_are_set_one_by_one_and_cleared(database: Database) -> None:
    quotas = WorkspaceQuotas(database)
    await quotas.set("team", {QuotaName.WATCHERS: 5})
    await quotas.set("team", {QuotaName.RUNNING_JOBS: None})
    assert await quotas.all() == {"team": {QuotaName.WATCHERS: 5, QuotaName.RUNNING_JOBS: None}}
    await quotas.clear("team")
    assert await quotas.all() == {}
