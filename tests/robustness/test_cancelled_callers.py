"""Callers who give up at any moment of a statement take no connection with them, and cost none."""

import asyncio
import random
from contextlib import suppress

import sqlalchemy as sa

from render_service.db.database import Database


async def test_callers_who_leave_at_any_moment_leave_every_connection_to_others(database_url: str) -> None:
    choice = random.Random(1)
    database = Database(database_url, size=3)
    made = 0

    @sa.event.listens_for(database._engine, "connect")
    def count(*_: object) -> None:
        nonlocal made
        made += 1

    async def ask(seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), database.single() as connection:
                await connection.execute(sa.text("SELECT 1"))

    for _ in range(40):
        await asyncio.gather(*(ask(choice.uniform(0, 0.03)) for _ in range(30)))
    everybody_has_one = asyncio.Barrier(3)

    async def hold() -> None:
        async with database.single() as connection:
            await connection.execute(sa.text("SELECT 1"))
            await everybody_has_one.wait()

    await asyncio.gather(hold(), hold(), hold())
    await database.close()
    # A machine under load may let one or two of 1,200 callers wait in vain.
    assert made <= 6
