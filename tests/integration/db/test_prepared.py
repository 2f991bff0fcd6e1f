"""The fast path shares the pool's connections with SQLAlchemy, and a lost connection costs no caller its statement."""

import asyncio

import psycopg
import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.prepared import PreparedConnections, Statement
from render_service.embedded import EmbeddedPostgres

UNUSED_POOL = sa.create_engine("postgresql+psycopg://unused.invalid/test").pool
ONE = Statement("SELECT CAST(:number AS int) AS number")


async def fast(database: Database, number: int = 1) -> int:
    (row,) = await database.execute(ONE, {"number": number})
    found: int = row["number"]
    return found


async def slow(database: Database) -> None:
    async with database.single() as connection:
        await connection.execute(sa.text("SELECT 1"))


async def sessions(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        row = await found.fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("size", [1, 3])
async def test_both_paths_together_use_no_more_connections_than_the_pool_has(
    own_postgres: EmbeddedPostgres, size: int
) -> None:
    database = Database(own_postgres.url, size=size)
    async with asyncio.timeout(30):
        for _ in range(5):
            await asyncio.gather(*(fast(database) for _ in range(20)), *(slow(database) for _ in range(20)))
            await asyncio.gather(*(slow(database) for _ in range(5)))
            await asyncio.gather(*(fast(database) for _ in range(5)))
    assert database.busy == 0
    assert await sessions(own_postgres.url) <= size
    await database.close()
    assert database.busy == 0


async def test_statements_are_prepared_once_a_connection(database_url: str) -> None:
    database = Database(database_url, size=1)
    for number in range(20):
        assert await fast(database, number) == number
    rows = await database.execute(Statement("SELECT statement FROM pg_prepared_statements"))
    assert sum("AS number" in row["statement"] for row in rows) == 1
    await database.close()


async def test_a_statement_that_is_planned_once_is_not_planned_for_its_values(database_url: str) -> None:
    database = Database(database_url, size=1)
    values = "SELECT count(*) FROM jobs WHERE priority = ANY(CAST(:numbers AS int[]))"
    once, each = Statement(f"{values} AND progress = 1", is_planned_once=True), Statement(values)
    for number in range(10):
        for statement in (once, each):
            await database.execute(statement, {"numbers": [number + 1]})
    rows = await database.execute(
        Statement("SELECT statement LIKE '%progress%' AS once, custom_plans FROM pg_prepared_statements")
    )
    custom = {row["once"]: row["custom_plans"] for row in rows}
    assert custom[True] == 0
    assert custom[False] >= 5
    await database.execute(once, {"numbers": [1]})
    async with database.single() as connection:
        assert await connection.scalar(sa.text("SHOW plan_cache_mode")) == "auto"
    await database.close()


async def test_a_connection_lost_while_it_is_given_back_costs_no_caller_anything(database_url: str) -> None:
    database = Database(database_url, size=1)
    once = Statement("SELECT CAST(:number AS int) AS number", is_planned_once=True)
    for _ in range(3):
        await database.execute(once, {"number": 1})
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        await slow(database)
    assert database.busy == 0
    await database.close()


async def test_connections_that_postgres_cut_in_use_or_not_cost_no_caller_anything(database_url: str) -> None:
    database = Database(database_url, size=5)
    for _ in range(5):
        await asyncio.gather(*(fast(database) for _ in range(5)))
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        await asyncio.gather(*(fast(database) for _ in range(5)))
    await database.close()


async def test_a_statement_that_fails_leaves_its_connection_to_others(database_url: str) -> None:
    database = Database(database_url, size=1)
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            await database.execute(Statement("SELECT 1 / 0"))
    assert await fast(database) == 1
    assert database.busy == 0
    await database.close()


async def test_callers_wait_for_a_connection_that_the_other_path_uses(database_url: str) -> None:
    database = Database(database_url, size=1)
    async with database.single() as connection:
        await connection.execute(sa.text("SELECT 1"))
        waiting = asyncio.create_task(fast(database))
        await asyncio.wait([waiting], timeout=0.05)
        assert not waiting.done()
    assert await waiting == 1
    await database.close()


async def test_callers_have_their_turns_in_order_of_arrival() -> None:
    connections = PreparedConnections(UNUSED_POOL, 1, wait_seconds=60)
    order = []

    async def call(number: int) -> None:
        async with connections.turn():
            order.append(number)

    async with connections.turn():
        earlier = [asyncio.create_task(call(number)) for number in range(3)]
        await asyncio.sleep(0)
    await call(3)  # the turn has just ended, and those before have not yet run
    await asyncio.gather(*earlier)
    assert order == [0, 1, 2, 3]


async def test_a_caller_that_leaves_leaves_its_turn_to_others(database_url: str) -> None:
    database = Database(database_url, size=1, statement_timeout_seconds=30)
    async with database.single():
        leaving = [asyncio.create_task(fast(database)) for _ in range(5)]
        await asyncio.sleep(0)
        waiting = asyncio.create_task(fast(database, 7))
        for call in leaving:
            call.cancel()
        await asyncio.wait(leaving)
    assert await waiting == 7
    assert await fast(database, 8) == 8
    await database.close()


async def test_a_caller_whose_turn_does_not_come_is_refused() -> None:
    connections = PreparedConnections(UNUSED_POOL, 1, wait_seconds=0.01)
    async with connections.turn():
        with pytest.raises(sa.exc.TimeoutError):
            await connections.execute(ONE, {"number": 1})
    async with asyncio.timeout(60), connections.turn():
        pass


def test_parameters_are_numbered_by_name_and_casts_are_left_alone() -> None:
    sql, values = Statement("SELECT :one, :two, :one, '12:30', x::text").bind({"one": 1, "two": 2})
    assert sql == b"SELECT $1, $2, $1, '12:30', x::text"
    assert values == [1, 2]
