"""The table of waiting workspaces never hides a job, and forgets the workspaces that have none left."""

import asyncio
import random

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from render_service.db import migrate
from render_service.db.database import Database, sqlalchemy_url
from render_service.db.migrate import upgrade
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError, ProviderName
from tests.records import HOUR, claim_next, job_request, lifecycle_of, start_job

# Workspaces with a job that waits, and no turn in time for it.
_HIDDEN = sa.text("""
    SELECT DISTINCT jobs.workspace_id FROM jobs LEFT JOIN workspace_turns AS turns USING (workspace_id)
    WHERE status = 'PENDING' AND (turns.due_at <= run_after) IS NOT TRUE
""")
_TURNS = sa.text("SELECT workspace_id FROM workspace_turns WHERE due_at < 'infinity' ORDER BY served_at, workspace_id")
_WAITING = sa.text("""
    SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
""")
# As the previous release inserts and claims jobs.
_OLD_INSERT = sa.text("""
    INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
    VALUES (gen_random_uuid(), gen_random_uuid(), :workspace, 'mock', '{}')
""")
_OLD_CLAIM = sa.text("""
    UPDATE jobs SET status = 'PROCESSING', lease_token = gen_random_uuid(), started_at = now()
    WHERE id = (SELECT id FROM jobs WHERE status = 'PENDING' AND workspace_id = :workspace LIMIT 1)
""")
_ERROR = JobError(ErrorReason.INTERNAL, "internal error")


async def names(database: Database, query: sa.TextClause) -> list[str]:
    async with database.single() as connection:
        return list((await connection.execute(query)).scalars())


async def test_a_workspace_has_a_turn_while_it_has_jobs_waiting(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    assert await names(database, _TURNS) == []
    for workspace in ("a", "b", "a"):
        await start_job(database, job_request(workspace=workspace))
    assert await names(database, _TURNS) == ["a", "b"]
    await claim_next(lifecycle)
    assert await names(database, _TURNS) == ["b", "a"], "who was served goes last"
    claim = await claim_next(lifecycle)
    assert await names(database, _TURNS) == ["a"]
    await lifecycle.release(claim.lease)
    assert await names(database, _TURNS) == ["a", "b"]


async def test_a_cancelled_job_takes_its_turn_with_it(database: Database) -> None:
    job = await start_job(database)
    await lifecycle_of(database).cancel(job.workspace_id, job.id)
    assert await names(database, _TURNS) == []


async def test_a_job_that_waits_for_another_attempt_delays_no_claim(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    await start_job(database)
    claim = await claim_next(lifecycle)
    await lifecycle.end_attempt(claim.lease, _ERROR, retryable=True)
    await lifecycle.settle_turns()
    assert await names(database, _HIDDEN) == []
    async with database.single() as connection:
        due = await connection.execute(sa.text("SELECT due_at > now() FROM workspace_turns"))
        assert due.scalar_one()
        await connection.execute(sa.text("UPDATE jobs SET run_after = now()"))
    assert (await claim_next(lifecycle)).lease.job_id == claim.lease.job_id


async def test_turns_whose_jobs_are_gone_are_put_off(database: Database) -> None:
    for workspace in ("a", "b"):
        await start_job(database, job_request(workspace=workspace))
    async with database.single() as connection:
        await connection.execute(sa.text("DELETE FROM jobs WHERE workspace_id = 'a'"))
    assert await lifecycle_of(database).settle_turns() == 1
    assert await names(database, _TURNS) == ["b"]


async def test_reclaimed_jobs_take_turns_in_the_order_of_workspaces(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    for workspace in ("b", "a"):
        await start_job(database, job_request(workspace=workspace))
        await claim_next(lifecycle)
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE jobs SET lease_expires_at = now() - interval '1 s'"))
    async with database.transaction() as holder:
        await holder.execute(sa.text("UPDATE workspace_turns SET served_at = now() WHERE workspace_id = 'a'"))
        reclaim = asyncio.create_task(lifecycle.reclaim_expired())
        async with asyncio.timeout(60):
            while not await names(database, _WAITING):
                await asyncio.sleep(0.01)
        await holder.execute(sa.text("SELECT FROM workspace_turns WHERE workspace_id = 'b' FOR UPDATE NOWAIT"))
    assert len(await reclaim) == 2
    assert await names(database, _HIDDEN) == []
    assert sorted(await names(database, _TURNS)) == ["a", "b"]


async def test_no_job_is_hidden_however_many_come_and_go_at_once(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    chance = random.Random(7)
    left = 60

    async def submit() -> None:
        for _ in range(20):
            await start_job(database, job_request(workspace=chance.choice("abc")))

    async def work() -> None:
        nonlocal left
        while left:
            claim = await lifecycle.claim(worker="test", providers=list(ProviderName), deadline=HOUR)
            if claim is None:
                await lifecycle.settle_turns()
            elif chance.random() < 0.3:
                await lifecycle.release(claim.lease)
            else:
                await lifecycle.complete(claim.lease, None, None)
                left -= 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(submit() for _ in range(3)), *(work() for _ in range(4)))
    await lifecycle.settle_turns()
    assert await names(database, _TURNS) == []


async def test_servers_and_workers_of_the_previous_release_keep_the_turns(database: Database) -> None:
    async with database.single() as connection:
        for workspace in ("a", "b"):
            await connection.execute(_OLD_INSERT, {"workspace": workspace})
        await connection.execute(_OLD_CLAIM, {"workspace": "a"})
        assert await names(database, _TURNS) == ["b"]
        await connection.execute(_OLD_INSERT, {"workspace": "a"})
        assert await names(database, _TURNS) == ["b", "a"]


def test_jobs_that_wait_during_the_upgrade_have_turns_after_it(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    config = Config()
    config.set_main_option("script_location", migrate.__file__.replace("migrate.py", "migrations"))
    engine = sa.create_engine(sqlalchemy_url(empty_database_url), poolclass=sa.NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0019")
    with engine.begin() as connection:
        for workspace in ("a", "b", "c"):
            connection.execute(_OLD_INSERT, {"workspace": workspace})
        for workspace in ("b", "c"):
            connection.execute(_OLD_CLAIM, {"workspace": workspace})
        connection.execute(_OLD_INSERT, {"workspace": "b"})
    upgrade(empty_database_url)
    with engine.begin() as connection:
        assert connection.execute(_HIDDEN).all() == []
        assert list(connection.execute(_TURNS).scalars()) == ["a", "b"], "who was served goes last"
