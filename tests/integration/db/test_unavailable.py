"""A Postgres that answers but cannot do its work counts as unavailable; a wrong statement does not."""

import asyncio

import psycopg
import pytest
import sqlalchemy as sa

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.db.jobs.jobs import Jobs
from render_service.embedded import EmbeddedPostgres
from tests.records import job_request, start_job
from tests.stores import set_read_only


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("08006", "connection lost"),
        ("25006", "read-only"),
        ("40001", "conflict"),
        ("40P01", "conflict"),
        ("53100", "out of resources"),
        ("53200", "out of resources"),
        ("53300", "out of resources"),
        ("55P03", "conflict"),
        ("57014", "shutting down or too slow"),
        ("57P01", "shutting down or too slow"),
        ("58030", "I/O error"),
    ],
)
async def test_a_postgres_that_cannot_work_now_is_worth_another_try(database: Database, state: str, fault: str) -> None:
    with pytest.raises(DatabaseUnavailable) as refusal:
        await raise_state(database, state)
    assert refusal.value.metadata == {"store": "postgres", "fault": fault}
    assert refusal.value.retry_after_seconds
    await database.ping()


@pytest.mark.parametrize("state", ["22012", "23505", "42601", "54000", "XX000"])
async def test_a_wrong_statement_is_not_taken_for_an_unavailable_postgres(database: Database, state: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await raise_state(database, state)


async def raise_state(database: Database, state: str) -> None:
    async with database.single() as connection:
        await connection.execute(sa.text(f"DO $$ BEGIN RAISE EXCEPTION 'as wanted' USING ERRCODE = '{state}'; END $$"))


async def test_a_deadlock_is_worth_another_try(database: Database) -> None:
    first, second = await start_job(database), await start_job(database)
    met = asyncio.Barrier(2)

    async def lock(*ids: object) -> None:
        async with database.transaction() as connection:
            for job_id in ids:
                await connection.execute(sa.text("SELECT FROM jobs WHERE id = :id FOR UPDATE"), {"id": job_id})
                if job_id is ids[0]:
                    await met.wait()

    ended = await asyncio.gather(lock(first.id, second.id), lock(second.id, first.id), return_exceptions=True)
    (victim,) = [end for end in ended if end is not None]
    assert isinstance(victim, DatabaseUnavailable)


async def test_a_read_only_postgres_is_read_and_serves_again_by_itself(own_postgres: EmbeddedPostgres) -> None:
    database = Database(own_postgres.url)
    job = await start_job(database)
    await set_read_only(own_postgres.url, True)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await JobOutbox(database).take()
        with pytest.raises(DatabaseUnavailable):
            await Jobs(database).start(job_request())
        assert (await Jobs(database).get("team", job.id)).id == job.id
    await set_read_only(own_postgres.url, False)
    assert await JobOutbox(database).take() == [job.id]
    await database.close()


async def test_without_free_connections_calls_fail_and_later_succeed(own_postgres: EmbeddedPostgres) -> None:
    async with await psycopg.AsyncConnection.connect(own_postgres.url, autocommit=True) as connection:
        await connection.execute("CREATE ROLE caller LOGIN PASSWORD 'secret' CONNECTION LIMIT 1")
    url = sa.make_url(own_postgres.url).set(username="caller", password="secret")
    database = Database(url.render_as_string(hide_password=False))
    async with database.single() as connection:
        await connection.execute(sa.text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    await database.ping()
    await database.close()
