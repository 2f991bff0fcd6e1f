"""Deletes batches a part at a time: one can have 10,000 rows, and hundreds of megabytes."""

from uuid import UUID

from render_service.db.batches import batch_sql as sql
from render_service.db.database import Database

_CHUNK = 1_000  # rows in one transaction


async def delete_batch(database: Database, batch_id: UUID) -> int:
    """Delete a batch that callers do not see, with its rows; return how many batches that were: 0 or 1.

    Raises:
        DatabaseUnavailable: Postgres is unavailable; rows that are left are deleted with the next call.
    """
    deleted = _CHUNK
    while deleted == _CHUNK:
        async with database.single() as connection:
            deleted = (await connection.execute(sql.DELETE_ROWS, {"id": batch_id, "count": _CHUNK})).rowcount
    async with database.single() as connection:
        return (await connection.execute(sql.DELETE, {"id": batch_id})).rowcount
