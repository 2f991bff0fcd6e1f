"""The ledger of clips ordered from paid providers: what keeps a clip from being paid twice.

Every write of a job's attempt carries its lease, as all its writes do. The one exception is noting a task's id: the
worker that sent the order is the only one who will ever know it, so it may note it even when it has lost its lease,
as long as nobody else has ordered since (`intent_token`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from render_service.db.database import Database
from render_service.db.transitions import LeaseLost
from render_service.domain.cost import Cost
from render_service.domain.errors import ErrorReason
from render_service.domain.job import Lease, ProviderName
from render_service.domain.provider_task import ExternalTask, ProviderTask, StoredClip, TaskFault, TaskState

_LIVE = "('WAITING', 'INTENT', 'SUBMITTED', 'SUCCEEDED', 'UNKNOWN')"
# Holds the job's row until the write is done: a lease cannot be taken away between the look and the write.
_HELD = "held AS (SELECT id, created_at FROM jobs WHERE id = :job_id AND lease_token = :token FOR SHARE)"

_LIVE_OF = sa.text(f"""
    SELECT t.*, o.status = 'PROCESSING' AS held_by_other, t.created_at < j.created_at AS from_before
    FROM provider_tasks t JOIN jobs j ON j.id = :job_id LEFT JOIN jobs o ON o.id = t.job_id AND o.id <> j.id
    WHERE t.workspace_id = :workspace_id AND t.key = :key AND t.state IN {_LIVE}
""")

_FAILED_OF = sa.text("""
    SELECT * FROM provider_tasks WHERE job_id = :job_id AND key = :key AND state = 'FAILED' ORDER BY created_at, id
""")

_INSERT = sa.text(f"""
    WITH {_HELD}
    INSERT INTO provider_tasks (id, workspace_id, key, job_id, shot_id, provider, model)
    SELECT :id, :workspace_id, :key, held.id, :shot_id, :provider, :model FROM held
    ON CONFLICT (workspace_id, key) WHERE state IN {_LIVE} DO NOTHING
""")

# Of a job that does not run now, so that nobody waits for one that waits itself.
_ADOPT = sa.text(f"""
    WITH {_HELD}
    UPDATE provider_tasks t SET job_id = held.id, shot_id = :shot_id FROM held
    WHERE t.id = :id AND t.state <> 'SUCCEEDED'
        AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.id = t.job_id AND o.id <> held.id AND o.status = 'PROCESSING')
""")

_MOVE = sa.text(f"""
    WITH {_HELD}
    UPDATE provider_tasks t SET
        state = :state, not_before = now() + CAST(:delay AS interval),
        error_reason = :error_reason, error_message = :error_message, error_code = :error_code, retryable = :retryable,
        cost_unit = coalesce(:cost_unit, cost_unit), cost_amount = coalesce(CAST(:cost_amount AS numeric), cost_amount),
        finished_at = CASE WHEN :state IN ('FAILED', 'CANCELLED', 'UNKNOWN') THEN now() ELSE finished_at END
    FROM held
    WHERE t.id = :id AND t.state = ANY(:from)
    RETURNING t.id
""")

_SUBMITTED = sa.text("""
    UPDATE provider_tasks SET
        state = 'SUBMITTED', external_id = :external_id, external = :external, submitted_at = now(), finished_at = NULL,
        error_reason = NULL, error_message = NULL, error_code = NULL, retryable = NULL
    WHERE id = :id AND intent_token = :token AND state IN ('INTENT', 'UNKNOWN')
    RETURNING *
""").bindparams(sa.bindparam("external", type_=JSONB))

_SUCCEEDED = sa.text(f"""
    WITH {_HELD}
    UPDATE provider_tasks t SET
        state = 'SUCCEEDED', clip_key = :clip_key, clip = :clip, finished_at = now(),
        cost_unit = :cost_unit, cost_amount = CAST(:cost_amount AS numeric)
    FROM held
    WHERE t.id = :id AND t.state = 'SUBMITTED' AND t.job_id = held.id
    RETURNING t.*
""").bindparams(sa.bindparam("clip", type_=JSONB))

_LOCK_PROVIDER = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('provider_tasks/' || :provider, 0))")

# Every workspace gets one place in turn: its n-th clip, counting those that are being made, comes before the (n+1)-th
# of any other. Whoever asks is granted only those of its own jobs; who comes first but does not ask keeps its place,
# for as long as its lease lasts.
_GRANT = sa.text("""
    WITH busy AS (
        SELECT t.workspace_id, count(*) AS clips FROM provider_tasks t JOIN jobs j ON j.id = t.job_id
        WHERE t.provider = :provider AND t.state IN ('INTENT', 'SUBMITTED') AND j.status IN ('PENDING', 'PROCESSING')
        GROUP BY t.workspace_id
    ), waiting AS (
        SELECT t.id, t.created_at,
            coalesce(b.clips, 0) + row_number() OVER (PARTITION BY t.workspace_id ORDER BY t.created_at, t.id) AS turn
        FROM provider_tasks t
        JOIN jobs j ON j.id = t.job_id AND j.status = 'PROCESSING' AND j.lease_expires_at > now()
        LEFT JOIN busy b ON b.workspace_id = t.workspace_id
        WHERE t.provider = :provider AND t.state = 'WAITING' AND t.not_before <= now()
    ), next AS (
        SELECT id FROM waiting ORDER BY turn, created_at, id
        LIMIT greatest(0, :limit - (SELECT coalesce(sum(clips), 0) FROM busy))
    ), asking AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:job_ids AS uuid[]), CAST(:tokens AS uuid[]))
            AS a (id, job_id, token)
    )
    UPDATE provider_tasks t SET state = 'INTENT', intent_token = a.token, intent_at = now()
    FROM next, asking a, jobs j
    WHERE t.id = next.id AND a.id = t.id AND t.job_id = a.job_id AND j.id = a.job_id AND j.lease_token = a.token
    RETURNING t.id
""")

# An order that can be repeated by its key: from now on the repetition's answer counts.
_REPEAT = sa.text(f"""
    WITH {_HELD}
    UPDATE provider_tasks t SET state = 'INTENT', intent_token = :token, intent_at = now() FROM held
    WHERE t.id = :id AND t.job_id = held.id AND t.state IN ('INTENT', 'UNKNOWN')
    RETURNING t.id
""")

_SUPERSEDE = sa.text(f"""
    WITH {_HELD}
    UPDATE provider_tasks t SET state = 'SUPERSEDED' FROM held
    WHERE t.id = :id AND t.state IN ('SUCCEEDED', 'UNKNOWN')
""")

_DROP_UNSENT = sa.text("""
    UPDATE provider_tasks t SET state = 'CANCELLED', finished_at = now() FROM jobs j
    WHERE j.id = t.job_id AND j.status IN ('CANCELLED', 'FAILED') AND t.state = 'WAITING'
        AND t.provider = ANY(:providers)
""")

_TAKE_ABANDONED = sa.text("""
    UPDATE provider_tasks SET cancel_after = now() + CAST(:patience AS interval) WHERE id IN (
        SELECT t.id FROM provider_tasks t JOIN jobs j ON j.id = t.job_id
        WHERE j.status = 'CANCELLED' AND t.state = 'SUBMITTED' AND t.provider = ANY(:providers)
            AND (t.cancel_after IS NULL OR t.cancel_after < now())
        LIMIT :batch FOR UPDATE OF t SKIP LOCKED
    )
    RETURNING *
""")

_CANCELLED = sa.text("""
    UPDATE provider_tasks SET state = 'CANCELLED', finished_at = now() WHERE id = :id AND state = 'SUBMITTED'
""")


@dataclass(frozen=True, slots=True)
class LiveTask:
    """The row that stands for a clip.

    `held_by_other` tells whether another job, which runs now, works on it; `from_before` whether it is older than the
    job that asks.
    """

    task: ProviderTask
    held_by_other: bool
    from_before: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """A row that is to be ordered as soon as the provider has a place."""

    task_id: UUID
    lease: Lease


class ProviderTasks:
    """The ledger.

    Args:
        database: Where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def live(self, lease: Lease, key: bytes) -> LiveTask | None:
        """Return the row that stands for a clip in the lease's workspace, or None."""
        async with self._database.single() as connection:
            row = (
                (
                    await connection.execute(
                        _LIVE_OF, {"workspace_id": lease.workspace_id, "key": key, "job_id": lease.job_id}
                    )
                )
                .mappings()
                .one_or_none()
            )
        return LiveTask(_task(row), bool(row["held_by_other"]), bool(row["from_before"])) if row is not None else None

    async def failures(self, lease: Lease, key: bytes) -> list[ProviderTask]:
        """Return the failed orders of a clip by the lease's job, oldest first."""
        async with self._database.single() as connection:
            rows = await connection.execute(_FAILED_OF, {"job_id": lease.job_id, "key": key})
            return [_task(row) for row in rows.mappings()]

    async def open(self, lease: Lease, key: bytes, *, shot_id: str, provider: ProviderName, model: str) -> None:
        """Make a row for a clip unless there is a live one; it waits for its turn.

        Raises:
            LeaseLost: the job is not this worker's any more, and there is no row.
        """
        parameters = {
            **_fence(lease),
            "id": uuid4(),
            "workspace_id": lease.workspace_id,
            "key": key,
            "shot_id": shot_id,
            "provider": provider,
            "model": model,
        }
        async with self._database.single() as connection:
            made = await connection.execute(_INSERT, parameters)
            if made.rowcount == 0 and not await self._holds(lease):
                raise LeaseLost

    async def adopt(self, lease: Lease, task_id: UUID, *, shot_id: str) -> bool:
        """Take over a row from a job that does not run; tell whether it is the lease's job's now."""
        async with self._database.single() as connection:
            adopted = await connection.execute(_ADOPT, {**_fence(lease), "id": task_id, "shot_id": shot_id})
            return adopted.rowcount == 1

    async def grant(self, provider: ProviderName, limit: int, asking: Sequence[Asking]) -> set[UUID]:
        """Give places at a provider to those whose turn it is; they are INTENT then.

        Args:
            provider: The provider.
            limit: How many clips it makes at a time, over all jobs of all workers.
            asking: The rows that this worker would order at once.

        Returns:
            The rows to order now.
        """
        async with self._database.single() as connection:
            # Two statements: the second must see what the one before us at the lock has left. Whatever breaks in
            # between is rolled back when the connection goes back to its pool.
            await connection.exec_driver_sql("BEGIN")
            await connection.execute(_LOCK_PROVIDER, {"provider": provider})
            granted = await connection.execute(
                _GRANT,
                {
                    "provider": provider,
                    "limit": limit,
                    "ids": [one.task_id for one in asking],
                    "job_ids": [one.lease.job_id for one in asking],
                    "tokens": [one.lease.token for one in asking],
                },
            )
            ids = {row.id for row in granted}
            await connection.exec_driver_sql("COMMIT")
            return ids

    async def repeat(self, lease: Lease, task_id: UUID) -> None:
        """Be about to send an order again under the same key.

        Raises:
            LeaseLost: the row is not this worker's to order.
        """
        async with self._database.single() as connection:
            if (await connection.execute(_REPEAT, {**_fence(lease), "id": task_id})).one_or_none() is None:
                raise LeaseLost

    async def submitted(self, lease: Lease, task_id: UUID, external: ExternalTask) -> ProviderTask | None:
        """Note the id of a task just ordered; None where somebody else has ordered since."""
        async with self._database.single() as connection:
            row = (
                (
                    await connection.execute(
                        _SUBMITTED,
                        {
                            "id": task_id,
                            "token": lease.token,
                            "external_id": external.id,
                            "external": dict(external.details),
                        },
                    )
                )
                .mappings()
                .one_or_none()
            )
        return _task(row) if row is not None else None

    async def put_back(self, lease: Lease, task_id: UUID, delay: timedelta) -> None:
        """Have an order wait again that the provider has surely not taken.

        Raises:
            LeaseLost: the row is not this worker's any more.
        """
        await self._move(lease, task_id, TaskState.WAITING, (TaskState.INTENT,), delay=delay)

    async def settle(
        self, lease: Lease, task_id: UUID, state: TaskState, fault: TaskFault | None, cost: Cost | None = None
    ) -> None:
        """End an order without a clip: FAILED, CANCELLED or UNKNOWN.

        Raises:
            LeaseLost: the row is not this worker's any more.
        """
        open_states = (TaskState.WAITING, TaskState.INTENT, TaskState.SUBMITTED)
        await self._move(lease, task_id, state, open_states, fault=fault, cost=cost)

    async def succeeded(self, lease: Lease, task_id: UUID, clip: StoredClip, cost: Cost | None) -> ProviderTask:
        """Note a clip that is stored.

        Raises:
            LeaseLost: the row is not this worker's any more.
        """
        described = {name: value for name, value in asdict(clip).items() if name != "key"}
        async with self._database.single() as connection:
            row = (
                (
                    await connection.execute(
                        _SUCCEEDED,
                        {
                            **_fence(lease),
                            "id": task_id,
                            "clip_key": clip.key,
                            "clip": described,
                            "cost_unit": cost.unit if cost else None,
                            "cost_amount": cost.amount if cost else None,
                        },
                    )
                )
                .mappings()
                .one_or_none()
            )
        if row is None:
            raise LeaseLost
        return _task(row)

    async def supersede(self, lease: Lease, task_id: UUID) -> None:
        """Make room for a new row beside one that has ended."""
        async with self._database.single() as connection:
            await connection.execute(_SUPERSEDE, {**_fence(lease), "id": task_id})

    async def take_abandoned(
        self, providers: Collection[ProviderName], *, patience: timedelta, batch: int = 20
    ) -> list[ProviderTask]:
        """Drop the orders of ended jobs that were not sent, and take those of cancelled jobs that run at a provider.

        Args:
            providers: Whose.
            patience: After which another worker may take what this one has not dealt with.
            batch: The most to take.
        """
        async with self._database.single() as connection:
            await connection.execute(_DROP_UNSENT, {"providers": list(providers)})
            rows = await connection.execute(
                _TAKE_ABANDONED, {"providers": list(providers), "patience": patience, "batch": batch}
            )
            return [_task(row) for row in rows.mappings()]

    async def cancelled(self, task_id: UUID) -> None:
        """Note that the provider was told to stop the task of a cancelled job."""
        async with self._database.single() as connection:
            await connection.execute(_CANCELLED, {"id": task_id})

    async def _move(
        self,
        lease: Lease,
        task_id: UUID,
        state: TaskState,
        before: Sequence[TaskState],
        *,
        fault: TaskFault | None = None,
        cost: Cost | None = None,
        delay: timedelta = timedelta(0),
    ) -> None:
        async with self._database.single() as connection:
            moved = await connection.execute(
                _MOVE,
                {
                    **_fence(lease),
                    "id": task_id,
                    "state": state,
                    "from": list(before),
                    "delay": delay,
                    "error_reason": fault.reason if fault else None,
                    "error_message": fault.message if fault else None,
                    "error_code": fault.code if fault else None,
                    "retryable": fault.retryable if fault else None,
                    "cost_unit": cost.unit if cost else None,
                    "cost_amount": cost.amount if cost else None,
                },
            )
            if moved.one_or_none() is None:
                raise LeaseLost

    async def _holds(self, lease: Lease) -> bool:
        async with self._database.single() as connection:
            held = await connection.scalar(
                sa.text("SELECT 1 FROM jobs WHERE id = :job_id AND lease_token = :token"), _fence(lease)
            )
            return held is not None


def _fence(lease: Lease) -> dict[str, Any]:
    return {"job_id": lease.job_id, "token": lease.token}


def _task(row: Mapping[Any, Any]) -> ProviderTask:
    return ProviderTask(
        id=row["id"],
        key=bytes(row["key"]),
        job_id=row["job_id"],
        shot_id=row["shot_id"],
        provider=ProviderName(row["provider"]),
        model=row["model"],
        state=TaskState(row["state"]),
        intent_token=row["intent_token"],
        external=ExternalTask(row["external_id"], row["external"] or {}) if row["external_id"] else None,
        fault=_fault(row),
        cost=Cost(row["cost_unit"], row["cost_amount"]) if row["cost_unit"] else None,
        clip=StoredClip(row["clip_key"], **row["clip"]) if row["clip_key"] else None,
        created_at=row["created_at"],
        submitted_at=row["submitted_at"],
        finished_at=row["finished_at"],
    )


def _fault(row: Mapping[Any, Any]) -> TaskFault | None:
    if row["error_reason"] is None:
        return None
    return TaskFault(
        ErrorReason(row["error_reason"]), row["error_message"] or "", row["error_code"] or "", bool(row["retryable"])
    )
