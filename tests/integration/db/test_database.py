"""An unavailable Postgres is reported as such, connections are always given back, and keys are kept as hashes only."""

import asyncio
import contextlib
import random

import pytest
import sqlalchemy as sa

from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database, DatabaseUnavailable
from tests.integration.conftest import EMPTIER
from tests.records import start_job


async def test_a_database_that_cannot_be_reached_is_unavailable_and_worth_another_try(unused_tcp_port: int) -> None:
    database = Database(f"postgresql://render:secret@127.0.0.1:{unused_tcp_port}/render")
    for attempt in (database.single(), database.transaction()):
        with pytest.raises(DatabaseUnavailable) as refusal:
            async with attempt:
                pass
        assert refusal.value.retry_after_seconds
        assert "secret" not in refusal.value.message
    await database.close()


async def test_a_fault_of_the_statement_is_not_taken_for_an_absent_database(database: Database) -> None:
    with pytest.raises(sa.exc.ProgrammingError):
        async with database.single() as connection:
            await connection.execute(sa.text("SELECT nonsense"))


async def test_a_transaction_that_raises_changes_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute(sa.text("INSERT INTO event_horizons VALUES ('team', '1', 1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.single() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM event_horizons")) == 0


async def test_connections_that_postgres_cut_are_replaced(database: Database) -> None:
    await asyncio.gather(*(database.ping() for _ in range(5)))
    async with database.single() as connection:
        await connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    await asyncio.gather(*(database.ping() for _ in range(5)))


async def test_queries_whose_callers_left_give_their_connections_back(database_url: str) -> None:
    database = Database(database_url, size=2)
    await database.ping()
    for _ in range(30):
        query = asyncio.create_task(start_job(database))
        await asyncio.sleep(random.uniform(0, 0.004))
        query.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await query
    async with asyncio.timeout(60):
        await asyncio.gather(*(database.ping() for _ in range(6)))
    await database.close()


async def test_a_key_opens_its_workspaces_until_it_is_revoked(database: Database) -> None:
    keys = ApiKeys(database)
    key = await keys.create("backend", frozenset({"team", "other"}))
    principal = await keys.find(key)
    assert principal is not None
    assert (principal.name, principal.workspaces) == ("backend", frozenset({"team", "other"}))
    assert await keys.find(key[:-1]) is None
    assert await keys.create("backend", frozenset({"team"})) != key
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE api_keys SET revoked_at = now()"))
    assert await keys.find(key) is None


async def test_a_key_itself_is_nowhere_in_the_database(database: Database) -> None:
    key = await ApiKeys(database).create("backend", frozenset({"team"}))
    async with database.single() as connection:
        rows = (await connection.execute(sa.text("SELECT api_keys::text FROM api_keys"))).all()
    assert len(key) >= 43, "256 bits"
    assert key.removeprefix("rk_") not in str(rows)


async def test_closing_waits_for_connections_in_use_and_leaves_none_open(database_url: str) -> None:
    database = Database(database_url, size=2)
    taken, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.single() as connection:
            taken.set()
            await leave.wait()
            await connection.execute(sa.text("SELECT 1"))

    holding = asyncio.create_task(hold())
    await taken.wait()
    pinging = asyncio.create_task(database.ping())
    closing = asyncio.create_task(database.close())
    await pinging
    assert not closing.done()
    leave.set()
    await asyncio.gather(holding, closing)
    watching = Database(database_url, size=1)
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        f" AND application_name <> '{EMPTIER}'"
    )
    async with asyncio.timeout(60), watching.single() as connection:
        while await connection.scalar(others):
            await asyncio.sleep(0.01)
    await watching.close()
