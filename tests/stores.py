"""Makes stores answer, but not as wanted."""

import asyncio

import psycopg


async def set_read_only(url: str, on: bool) -> None:
    """Make a whole Postgres read-only, as after a failover or when its disk is full, or writable again.

    Sessions that are open change, too; returns once new ones have changed.
    """
    writable = "-c default_transaction_read_only=off"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, options=writable) as connection:
        await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
        await connection.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(60):
        while await _is_read_only(url) is not on:
            await asyncio.sleep(0.02)


async def _is_read_only(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        row = await (await connection.execute("SHOW default_transaction_read_only")).fetchone()
    return row == ("on",)
