"""Callers who give up at any moment of a statement take no connection with them."""

import asyncio
import gc
import random
from contextlib import suppress

import sqlalchemy as sa

from render_service.db.database import Database


async def test_callers_who_leave_at_any_moment_leave_every_connection_to_others(database_url: str) -> None:
    choice = random.Random(1)
    database = Database(database_url, size=3)

    async def ask(seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), database.single() as connection:
                await connection.execute(sa.text("SELECT 1"))

    gc.disable()  # or it would bring lost connections back now and then
    try:
        for _ in range(40):
            await asyncio.gather(*(ask(choice.uniform(0, 0.03)) for _ in range(30)))
        lent = 0

        async def hold() -> None:
            nonlocal lent
            async with database.single() as connection:
                await connection.execute(sa.text("SELECT 1"))
                lent += 1
                while lent < 3:
                    await asyncio.sleep(0.01)

        await asyncio.gather(hold(), hold(), hold())
    finally:
        gc.enable()
        await database.close()
