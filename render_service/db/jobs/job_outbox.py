"""Which jobs need a message: a PENDING row without `enqueued_at` is its own outbox."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from render_service.db.database import Database
from render_service.db.prepared import Statement

_TAKE = Statement("""
    WITH due AS (
        SELECT id FROM jobs
        WHERE status = 'PENDING' AND enqueued_at IS NULL AND run_after <= now()
        ORDER BY run_after
        LIMIT :batch
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE jobs SET enqueued_at = now() FROM due WHERE jobs.id = due.id
    RETURNING jobs.id
""")
_PUT_BACK = Statement("UPDATE jobs SET enqueued_at = NULL WHERE status = 'PENDING' AND id = ANY(:ids)")
_FORGET = Statement("""
    WITH stale AS (
        SELECT id FROM jobs
        WHERE status = 'PENDING' AND enqueued_at < now() - CAST(:age AS interval)
        ORDER BY run_after
        LIMIT :batch
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE jobs SET enqueued_at = NULL FROM stale WHERE jobs.id = stale.id
    RETURNING jobs.id
""")


class JobOutbox:
    """The jobs for which a message is due.

    Args:
        database: Where the jobs are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, *, batch: int = 100) -> list[UUID]:
        """Mark due jobs as enqueued and return them, the longest waiting first.

        They are marked before their messages are sent: a worker that gets a message at once must not find its row
        locked. A crash in between leaves marked jobs without a message, which `forget_stale` finds.
        """
        return [row["id"] for row in await self._database.execute(_TAKE, {"batch": batch})]

    async def put_back(self, ids: Sequence[UUID]) -> None:
        """Make jobs due again whose messages could not be sent."""
        await self._database.execute(_PUT_BACK, {"ids": list(ids)})

    async def forget_stale(self, *, age: timedelta, batch: int = 100) -> int:
        """Make messages due again for jobs enqueued long ago; return for how many.

        Args:
            age: How long ago.
            batch: The most jobs to change.
        """
        return len(await self._database.execute(_FORGET, {"age": age, "batch": batch}))
