"""The ledger of clips and narrations submitted to paid providers: it prevents paying for one twice.

Every write of a job's attempt carries its lease, as all its writes do. The one exception is recording a task's id: the
worker that submitted the task is the only one that has it, so it may record it even after it lost its lease,
unless another worker has submitted since (`intent_token`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.generation import generation_ledger_sql as statements
from render_service.db.jobs.job_lifecycle import LeaseLost
from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, ProviderTask, StoredClip, TaskFault, TaskState
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import Lease


@dataclass(frozen=True, slots=True)
class LiveTask:
    """The current row of a clip.

    `held_by_other`: another job, which runs now, works on it. `from_before`: it is older than the job that asks.
    """

    task: ProviderTask
    held_by_other: bool
    from_before: bool


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """A row to be submitted as soon as the provider has a free slot."""

    task_id: UUID
    lease: Lease


class GenerationLedger:
    """The ledger.

    Args:
        database: Where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def live(self, lease: Lease, key: bytes) -> LiveTask | None:
        """Return the current row of a clip in the lease's workspace, or None."""
        async with self._database.single() as connection:
            row = (
                (
                    await connection.execute(
                        statements.LIVE_OF, {"workspace_id": lease.workspace_id, "key": key, "job_id": lease.job_id}
                    )
                )
                .mappings()
                .one_or_none()
            )
        return LiveTask(_task(row), bool(row["held_by_other"]), bool(row["from_before"])) if row is not None else None

    async def failures(self, lease: Lease, key: bytes) -> list[ProviderTask]:
        """Return the failed submissions of a clip by the lease's job, oldest first."""
        async with self._database.single() as connection:
            rows = await connection.execute(statements.FAILED_OF, {"job_id": lease.job_id, "key": key})
            return [_task(row) for row in rows.mappings()]

    async def open(self, lease: Lease, key: bytes, *, shot_id: str, provider: str, model: str) -> None:
        """Make a row for a clip unless there is a live one; it is queued.

        Raises:
            LeaseLost: The worker no longer holds the job, and there is no row.
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
            made = await connection.execute(statements.INSERT, parameters)
            if made.rowcount == 0 and not await self._holds(lease):
                raise LeaseLost

    async def take_over(self, lease: Lease, task_id: UUID, *, shot_id: str) -> bool:
        """Take over a row from a job that does not run; return whether the lease's job holds it now."""
        async with self._database.single() as connection:
            taken = await connection.execute(statements.TAKE_OVER, {**_fence(lease), "id": task_id, "shot_id": shot_id})
            return taken.rowcount == 1

    async def grant(
        self, provider: str, limit: int, requests: Sequence[SlotRequest], *, per_minute: int | None = None
    ) -> set[UUID]:
        """Grant a provider's free slots to the rows that are next; their state becomes INTENT.

        Args:
            provider: The provider.
            limit: How many requests it has in progress at a time, over all jobs of all workers.
            requests: The rows that this worker is ready to submit.
            per_minute: How many are submitted in a minute, over all jobs of all workers; None for any number.

        Returns:
            The rows to submit now.
        """
        async with self._database.single() as connection:
            # Two statements: the second must see the changes of the previous holder of the lock. After an error in
            # between, the pool rolls the connection back.
            await connection.exec_driver_sql("BEGIN")
            await connection.execute(statements.LOCK_PROVIDER, {"provider": provider})
            granted = await connection.execute(
                statements.GRANT,
                {
                    "provider": provider,
                    "limit": limit,
                    "per_minute": per_minute,
                    "ids": [request.task_id for request in requests],
                    "job_ids": [request.lease.job_id for request in requests],
                    "tokens": [request.lease.token for request in requests],
                },
            )
            ids = {row.id for row in granted}
            await connection.exec_driver_sql("COMMIT")
            return ids

    async def repeat(self, lease: Lease, task_id: UUID) -> None:
        """Record the intent to submit again under the same key.

        Raises:
            LeaseLost: The worker may not submit this row.
        """
        async with self._database.single() as connection:
            if (await connection.execute(statements.REPEAT, {**_fence(lease), "id": task_id})).one_or_none() is None:
                raise LeaseLost

    async def submitted(self, lease: Lease, task_id: UUID, external: ExternalTask) -> ProviderTask | None:
        """Record the id of a task just submitted; None if another worker has submitted since."""
        async with self._database.single() as connection:
            row = (
                (
                    await connection.execute(
                        statements.SUBMITTED,
                        {
                            "id": task_id,
                            "token": lease.token,
                            "external_id": external.id,
                            "external": dict(external.details),
                            "cost_unit": external.cost.unit if external.cost else None,
                            "cost_amount": external.cost.amount if external.cost else None,
                        },
                    )
                )
                .mappings()
                .one_or_none()
            )
        return _task(row) if row is not None else None

    async def put_back(self, lease: Lease, task_id: UUID, delay: timedelta) -> None:
        """Requeue a submission that the provider has certainly not accepted.

        Raises:
            LeaseLost: The worker no longer holds the row.
        """
        await self._move(lease, task_id, TaskState.WAITING, (TaskState.INTENT,), delay=delay)

    async def settle(
        self, lease: Lease, task_id: UUID, state: TaskState, fault: TaskFault | None, cost: Cost | None = None
    ) -> None:
        """End a submission without a clip: FAILED, CANCELLED or UNKNOWN.

        Raises:
            LeaseLost: The worker no longer holds the row.
        """
        open_states = (TaskState.WAITING, TaskState.INTENT, TaskState.SUBMITTED)
        await self._move(lease, task_id, state, open_states, fault=fault, cost=cost)

    async def succeeded(self, lease: Lease, task_id: UUID, clip: StoredClip, cost: Cost | None) -> ProviderTask:
        """Record a stored clip.

        Raises:
            LeaseLost: The worker no longer holds the row.
        """
        described = {name: value for name, value in asdict(clip).items() if name != "key"}
        async with self._database.single() as connection:
            row = (
                (
                    await connection.execute(
                        statements.SUCCEEDED,
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
        """Supersede an ended row, so that a new one can be added."""
        async with self._database.single() as connection:
            await connection.execute(statements.SUPERSEDE, {**_fence(lease), "id": task_id})

    async def claim_orphans(self, provider: str, *, retry_after: timedelta, batch: int) -> list[ProviderTask]:
        """Drop unsent submissions of ended jobs, and claim tasks of cancelled jobs that run at a provider.

        Args:
            provider: The provider of the tasks.
            retry_after: Time after which another worker may claim the tasks that this one has not cancelled.
            batch: The most to take.
        """
        async with self._database.single() as connection:
            await connection.execute(statements.DROP_UNSENT, {"provider": provider})
            rows = await connection.execute(
                statements.CLAIM_ORPHANS, {"provider": provider, "retry_after": retry_after, "batch": batch}
            )
            return [_task(row) for row in rows.mappings()]

    async def drop_unsent(self, provider: str) -> None:
        """Drop the submissions of ended jobs that were not sent to a provider."""
        async with self._database.single() as connection:
            await connection.execute(statements.DROP_UNSENT, {"provider": provider})

    async def cancelled(self, task_id: UUID) -> None:
        """Record that the provider was asked to cancel the task of a cancelled job."""
        async with self._database.single() as connection:
            await connection.execute(statements.CANCELLED, {"id": task_id})

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
                statements.MOVE,
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
        provider=row["provider"],
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
