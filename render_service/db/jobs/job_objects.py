"""The repository of references from jobs to shared objects: segments, sound and clips that several jobs may use."""

from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import LeaseLost
from render_service.domain.jobs.job import Lease

# The lock keeps the job from being deleted before the references are committed.
_ADD = sa.text("""
    WITH held AS (
        SELECT id FROM jobs WHERE id = :job_id AND lease_token = :token FOR KEY SHARE
    ), added AS (
        INSERT INTO job_objects (key, job_id)
        SELECT key, held.id FROM held, unnest(CAST(:keys AS text[])) AS key
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM held
""")
# For a job whose row is deleted. Clips that it submitted count as used by it, even if it had not referred to them yet;
# they are in use while another job refers to them, or while an existing job has submitted the same bytes.
_UNSHARED = sa.text("""
    WITH used AS (
        SELECT key FROM job_objects WHERE job_id = :job_id
        UNION
        SELECT clip_key FROM provider_tasks WHERE job_id = :job_id AND clip_key IS NOT NULL
    )
    SELECT key FROM used
    WHERE NOT EXISTS (SELECT FROM jobs WHERE id = :job_id)
        AND NOT EXISTS (SELECT FROM job_objects AS o WHERE o.key = used.key AND o.job_id <> :job_id)
        AND NOT EXISTS (
            SELECT FROM provider_tasks AS t JOIN jobs AS j ON j.id = t.job_id
            WHERE t.clip_key = used.key AND t.state = 'SUCCEEDED'
        )
""")
# The rows stay, because they record the clips' costs. A clip that is needed again is submitted again.
_SUPERSEDE = sa.text("""
    UPDATE provider_tasks SET state = 'SUPERSEDED' WHERE state = 'SUCCEEDED' AND clip_key = ANY(:keys)
""")
_FORGET = sa.text("""
    DELETE FROM job_objects WHERE job_id = :job_id AND NOT EXISTS (SELECT FROM jobs WHERE id = :job_id)
""")
_IN_USE = sa.text("SELECT DISTINCT key FROM job_objects WHERE key = ANY(:keys)")


class JobObjects:
    """Records which jobs use which shared objects.

    Args:
        database: Where the references are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, lease: Lease, keys: Collection[str]) -> None:
        """Record that a job uses objects; call it before they are stored.

        Raises:
            LeaseLost: The worker no longer holds the job: nothing may be stored for it.
        """
        parameters = {"job_id": lease.job_id, "token": lease.token, "keys": list(keys)}
        async with self._database.single() as connection:
            if not await connection.scalar(_ADD, parameters):
                raise LeaseLost

    async def release(self, job_id: UUID) -> Sequence[str]:
        """Return the keys of the objects that only this deleted job used; clips among them are not reused any more.

        Call `forget` once the objects are deleted; until then the same keys are returned again.
        """
        async with self._database.single() as connection:
            keys = list((await connection.execute(_UNSHARED, {"job_id": job_id})).scalars())
            if keys:
                await connection.execute(_SUPERSEDE, {"keys": keys})
        return keys

    async def forget(self, job_id: UUID) -> None:
        """Remove the references of a deleted job."""
        async with self._database.single() as connection:
            await connection.execute(_FORGET, {"job_id": job_id})

    async def in_use(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the given keys that a job refers to."""
        async with self._database.single() as connection:
            return frozenset((await connection.execute(_IN_USE, {"keys": list(keys)})).scalars())
