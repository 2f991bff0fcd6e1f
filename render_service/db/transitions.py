"""Every change of a job's state, each one SQL statement: the state machine as Postgres runs it.

All have one form: a CTE `changed` updates rows that are in the right state, `appended` writes the change into history,
and the changed rows are returned as events to be published. A statement that finds nothing to change returns nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from render_service.db.database import Database
from render_service.db.rows import EVENT_COLUMNS, FILES, RAW_RESULTS, RENDER_SPEC, event_from_row
from render_service.domain.job import (
    JobError,
    JobEvent,
    JobStage,
    Lease,
    ProviderName,
    RawResults,
    RenderSpec,
    Video,
)
from render_service.domain.retry import RetryPolicy

_APPENDED = f"""
    appended AS (
        INSERT INTO job_events (job_id, {EVENT_COLUMNS})
        SELECT id, {EVENT_COLUMNS} FROM changed
    )
"""
_RETURNED = f"changed.id AS job_id, changed.task_id, changed.updated_at AS timestamp, {EVENT_COLUMNS}"

# PENDING → PROCESSING. Workspaces take turns: first the one with the fewest running jobs, of equals the one that was
# served least recently. Within it goes first what has the greatest priority, then what has waited longest. `waiting`
# finds the workspaces by skipping through the index: it costs by their number, not by that of their jobs. The turns are
# taken one after the other until one leads to a job, so that no more than that job is locked; the subquery must stay
# lateral and the room be asked for last, which locks a workspace's count.
_CLAIM = sa.text(f"""
    WITH RECURSIVE waiting AS (
        (SELECT workspace_id FROM jobs WHERE status = 'PENDING' ORDER BY workspace_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT jobs.workspace_id FROM jobs
            WHERE jobs.status = 'PENDING' AND jobs.workspace_id > waiting.workspace_id
            ORDER BY jobs.workspace_id LIMIT 1
        ) FROM waiting WHERE waiting.workspace_id IS NOT NULL
    ), running AS (
        SELECT workspace_id, count(*) AS jobs FROM jobs WHERE status = 'PROCESSING' GROUP BY workspace_id
    ), turns AS (
        SELECT workspace_id, coalesce(running.jobs, 0) AS running,
            CASE WHEN own.limits ? 'running_jobs' THEN CAST(own.limits ->> 'running_jobs' AS bigint)
                 ELSE CAST(:running_quota AS bigint) END AS most,
            (SELECT max(started_at) FROM jobs WHERE jobs.workspace_id = waiting.workspace_id) AS served_at
        FROM waiting LEFT JOIN running USING (workspace_id) LEFT JOIN workspace_quotas AS own USING (workspace_id)
        WHERE workspace_id IS NOT NULL
    ), next AS (
        SELECT due.id
        FROM (
            SELECT workspace_id, most FROM turns WHERE most IS NULL OR running < most
            ORDER BY running, served_at NULLS FIRST, workspace_id
        ) AS turn
        CROSS JOIN LATERAL (
            SELECT id, workspace_id FROM jobs
            WHERE status = 'PENDING' AND run_after <= now() AND provider = ANY(:providers)
                AND jobs.workspace_id = turn.workspace_id
            ORDER BY priority DESC, run_after, id
            FOR UPDATE SKIP LOCKED
            LIMIT 1
        ) AS due
        WHERE turn.most IS NULL OR workspace_has_room(due.workspace_id, 'PROCESSING', turn.most)
        LIMIT 1
    ), changed AS (
        UPDATE jobs SET
            status = 'PROCESSING', stage = 'PREPARING', progress = 0, message = 'Taken up by a worker',
            attempt = attempt + 1, sequence = sequence + 1, milestone = milestone + 1,
            lease_token = :token, lease_expires_at = now() + :lease, worker = :worker,
            started_at = coalesce(started_at, now()), deadline_at = coalesce(deadline_at, now() + :deadline),
            progressed_at = now(), updated_at = now()
        FROM next WHERE jobs.id = next.id
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {_RETURNED}, provider, spec, failed_attempts FROM changed
""")

# PROCESSING → PROCESSING: progress, and an event only where the stage changed.
_REPORT = sa.text(f"""
    WITH changed AS (
        UPDATE jobs SET
            stage = :stage, progress = greatest(progress, :progress), message = :message,
            sequence = sequence + 1, milestone = milestone + CASE WHEN :stage_changed THEN 1 ELSE 0 END,
            progressed_at = CASE WHEN :stage_changed OR :progress > progress OR :alive THEN now()
                ELSE progressed_at END,
            lease_expires_at = now() + :lease, updated_at = now()
        WHERE id = :job_id AND lease_token = :token
        RETURNING jobs.*
    ), appended AS (
        INSERT INTO job_events (job_id, {EVENT_COLUMNS})
        SELECT id, {EVENT_COLUMNS} FROM changed WHERE :stage_changed
    )
    SELECT {_RETURNED}, cancel_requested FROM changed
""")

# PROCESSING, unchanged but for the lease.
_RENEW = sa.text("""
    UPDATE jobs SET lease_expires_at = now() + :lease
    WHERE status = 'PROCESSING' AND id = ANY(:job_ids) AND lease_token = ANY(:tokens)
    RETURNING lease_token, cancel_requested, deadline_at < now() AS past_deadline,
        progressed_at < now() - CAST(:no_progress AS interval) AS stuck
""")

# PROCESSING → COMPLETED, with the video's record.
_COMPLETE = sa.text(f"""
    WITH changed AS (
        UPDATE jobs SET
            status = 'COMPLETED', stage = NULL, progress = 100, message = 'Completed', raw_results = :raw_results,
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL, finished_at = now(), updated_at = now()
        WHERE id = :job_id AND lease_token = :token
        RETURNING jobs.*
    ), recorded AS (
        INSERT INTO videos (job_id, workspace_id, files, width, height, fps, frames, checked, size_bytes)
        SELECT id, workspace_id, :files, :width, :height, :fps, :frames, :checked,
            (SELECT sum(CAST(value ->> 'size_bytes' AS bigint)) FROM jsonb_each(CAST(:files AS jsonb)))
        FROM changed WHERE CAST(:files AS jsonb) IS NOT NULL
    ), {_APPENDED}
    SELECT {_RETURNED} FROM changed
""").bindparams(
    sa.bindparam("raw_results", type_=JSONB(none_as_null=True)),
    sa.bindparam("files", type_=JSONB(none_as_null=True)),
    sa.bindparam("checked", type_=JSONB(none_as_null=True)),
)

_WAS_COMPLETED = sa.text("SELECT status = 'COMPLETED' AND attempt = :attempt FROM jobs WHERE id = :job_id")

# PROCESSING → PENDING for another attempt | FAILED | CANCELLED where that was asked for meanwhile.
_END_ATTEMPT = sa.text(f"""
    WITH ended AS (
        SELECT id, CASE
            WHEN cancel_requested THEN 'CANCELLED'
            WHEN :retry AND deadline_at > now() AND failed_attempts + :counted < :max_failed_attempts THEN 'PENDING'
            ELSE 'FAILED' END AS next
        FROM jobs WHERE id = :job_id AND lease_token = :token
        FOR UPDATE
    ), changed AS (
        UPDATE jobs SET
            status = next, stage = NULL,
            message = CASE next WHEN 'CANCELLED' THEN 'Cancelled' WHEN 'PENDING' THEN :retry_message ELSE 'Failed' END,
            failed_attempts = failed_attempts + :counted,
            run_after = CASE next WHEN 'PENDING' THEN now() + :delay ELSE run_after END, enqueued_at = NULL,
            error_reason = CASE next WHEN 'CANCELLED' THEN NULL ELSE :error_reason END,
            error_message = CASE next WHEN 'CANCELLED' THEN NULL ELSE :error_message END,
            error_metadata = CASE next WHEN 'CANCELLED' THEN NULL ELSE CAST(:error_metadata AS jsonb) END,
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL,
            finished_at = CASE next WHEN 'PENDING' THEN NULL ELSE now() END, updated_at = now()
        FROM ended WHERE jobs.id = ended.id
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {_RETURNED} FROM changed
""").bindparams(sa.bindparam("error_metadata", type_=JSONB(none_as_null=True)))

# PROCESSING → PENDING at once, because the worker shuts down; no attempt is counted as failed. `run_after` stays, here
# and where a lease expired: the job keeps its place before those that came later.
_RELEASE = sa.text(f"""
    WITH changed AS (
        UPDATE jobs SET
            status = CASE WHEN cancel_requested THEN 'CANCELLED' ELSE 'PENDING' END, stage = NULL,
            message = CASE WHEN cancel_requested THEN 'Cancelled' ELSE 'Handed over to another worker' END,
            enqueued_at = NULL, sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL,
            finished_at = CASE WHEN cancel_requested THEN now() END, updated_at = now()
        WHERE id = :job_id AND lease_token = :token
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {_RETURNED} FROM changed
""")

# PROCESSING with an expired lease → PENDING | FAILED | CANCELLED.
_RECLAIM_EXPIRED = sa.text(f"""
    WITH expired AS (
        SELECT id,
            CASE
                WHEN cancel_requested THEN 'CANCELLED'
                WHEN deadline_at < now() OR failed_attempts + 1 >= :max_failed_attempts THEN 'FAILED'
                ELSE 'PENDING' END AS next,
            deadline_at < now() AS past_deadline
        FROM jobs WHERE status = 'PROCESSING' AND lease_expires_at < now()
        LIMIT :batch
        FOR UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE jobs SET
            status = next, stage = NULL,
            message = CASE next WHEN 'CANCELLED' THEN 'Cancelled' WHEN 'FAILED' THEN 'Failed'
                ELSE 'The worker was lost; waiting for another' END,
            failed_attempts = failed_attempts + 1, enqueued_at = NULL,
            error_reason = CASE WHEN next = 'FAILED' THEN
                CASE WHEN past_deadline THEN 'DEADLINE_EXCEEDED' ELSE 'ATTEMPTS_EXHAUSTED' END END,
            error_message = CASE WHEN next = 'FAILED' THEN
                CASE WHEN past_deadline THEN 'the job did not end before its deadline'
                     ELSE 'the job lost its worker ' || failed_attempts + 1 || ' times' END END,
            error_metadata = CASE WHEN next = 'FAILED' AND NOT past_deadline THEN
                jsonb_build_object('attempts', CAST(failed_attempts + 1 AS text)) END,
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL,
            finished_at = CASE WHEN next = 'PENDING' THEN NULL ELSE now() END, updated_at = now()
        FROM expired WHERE jobs.id = expired.id
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {_RETURNED} FROM changed
""")

# PENDING → CANCELLED at once; PROCESSING is only marked, until its worker has stopped. One statement, so that a job
# that changes between the two states meanwhile is caught in either.
_CANCEL = sa.text(f"""
    WITH changed AS (
        UPDATE jobs SET
            cancel_requested = true,
            status = CASE status WHEN 'PENDING' THEN 'CANCELLED' ELSE status END,
            message = CASE status WHEN 'PENDING' THEN 'Cancelled' ELSE message END,
            sequence = sequence + CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
            milestone = milestone + CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
            finished_at = CASE status WHEN 'PENDING' THEN now() END,
            updated_at = now()
        WHERE workspace_id = :workspace_id AND id = :job_id
            AND (status = 'PENDING' OR status = 'PROCESSING' AND NOT cancel_requested)
        RETURNING jobs.*
    ), appended AS (
        INSERT INTO job_events (job_id, {EVENT_COLUMNS})
        SELECT id, {EVENT_COLUMNS} FROM changed WHERE status = 'CANCELLED'
    )
    SELECT {_RETURNED} FROM changed WHERE status = 'CANCELLED'
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """A job just taken up: the right to change it, what to render, and the event to publish."""

    lease: Lease
    provider: ProviderName
    spec: RenderSpec
    event: JobEvent


@dataclass(frozen=True, slots=True)
class Report:
    """A progress report as stored; `event` is to be published."""

    event: JobEvent
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the renewal of a lease found; any of the three ends the attempt."""

    cancel_requested: bool
    past_deadline: bool
    stuck: bool


class LeaseLost(Exception):
    """The job now belongs to somebody else, or has ended: stop, and change nothing."""


class Transitions:
    """Changes of jobs' states.

    Args:
        database: Where the jobs are.
        lease: How long a claim or a report keeps a job.
        retry: When failed attempts are repeated.
        running_quota: How many jobs of a workspace may run at a time, where it has no quota of its own; None: any.
    """

    def __init__(
        self, database: Database, *, lease: timedelta, retry: RetryPolicy, running_quota: int | None = None
    ) -> None:
        self._running_quota = running_quota
        self._database = database
        self._lease = lease
        self._retry = retry

    async def claim(self, *, worker: str, providers: Sequence[ProviderName], deadline: timedelta) -> Claim | None:
        """Take up a due job. Workspaces take turns; within one it is by priority, then by how long they have waited.

        Args:
            worker: Name of the claimer, for people.
            providers: Whose jobs to take.
            deadline: How long after its first start a job may run.

        Returns:
            The claim; None where nothing is due, or others were faster.
        """
        token = uuid4()
        async with self._database.single() as connection:
            row = await _one(
                connection,
                _CLAIM,
                token=token,
                lease=self._lease,
                worker=worker,
                providers=list(providers),
                deadline=deadline,
                running_quota=self._running_quota,
            )
        if row is None:
            return None
        lease = Lease(row["job_id"], row["task_id"], row["workspace_id"], token, row["attempt"], row["failed_attempts"])
        return Claim(
            lease,
            ProviderName(row["provider"]),
            RENDER_SPEC.validate_python(row["spec"]),
            event_from_row(row, is_milestone=True),
        )

    async def report(
        self, lease: Lease, *, stage: JobStage, stage_changed: bool, progress: int, message: str, alive: bool = False
    ) -> Report:
        """Store progress and renew the lease, in one statement.

        Args:
            lease: The attempt's lease.
            stage: What it is busy with.
            stage_changed: Whether that is new.
            progress: Percent.
            message: In words what happens.
            alive: Whether it counts as progress that nothing changes, because others are known to be at it.

        Raises:
            LeaseLost: the job is not this worker's any more; nothing was changed.
        """
        async with self._database.single() as connection:
            row = await _one(
                connection,
                _REPORT,
                job_id=lease.job_id,
                token=lease.token,
                lease=self._lease,
                stage=stage,
                stage_changed=stage_changed,
                progress=progress,
                message=message,
                alive=alive,
            )
        if row is None:
            raise LeaseLost
        return Report(event_from_row(row, is_milestone=stage_changed), row["cancel_requested"])

    async def renew(self, leases: Sequence[Lease], *, no_progress: timedelta) -> dict[UUID, Renewal]:
        """Renew many leases in one statement.

        Args:
            leases: The leases held.
            no_progress: How long an attempt may stand still.

        Returns:
            What was found, by lease token; a lease that is missing is lost.
        """
        async with self._database.single() as connection:
            rows = await connection.execute(
                _RENEW,
                {
                    "job_ids": [lease.job_id for lease in leases],
                    "tokens": [lease.token for lease in leases],
                    "lease": self._lease,
                    "no_progress": no_progress,
                },
            )
            return {
                row["lease_token"]: Renewal(row["cancel_requested"], bool(row["past_deadline"]), bool(row["stuck"]))
                for row in rows.mappings()
            }

    async def complete(self, lease: Lease, raw_results: RawResults | None, video: Video | None) -> JobEvent:
        """End a job as COMPLETED and record its video.

        Raises:
            LeaseLost: the job is not this worker's any more; nothing was changed.
        """
        async with self._database.single() as connection:
            row = await _one(
                connection,
                _COMPLETE,
                job_id=lease.job_id,
                token=lease.token,
                raw_results=RAW_RESULTS.dump_python(raw_results, mode="json") if raw_results else None,
                files=FILES.dump_python(dict(video.files), mode="json") if video else None,
                width=video.width if video else None,
                height=video.height if video else None,
                fps=video.fps if video else None,
                frames=video.frames if video else None,
                checked=dict(video.check) if video else None,
            )
        if row is None:
            raise LeaseLost
        return event_from_row(row, is_milestone=True)

    async def end_attempt(self, lease: Lease, error: JobError, *, retryable: bool, counted: bool = True) -> JobEvent:
        """End an attempt that failed: the job waits for another, or is FAILED; CANCELLED where that was asked for.

        Args:
            lease: The attempt's.
            error: Why it failed.
            retryable: Whether another attempt may succeed; none follows after the job's deadline.
            counted: Whether it counts as one of the attempts that the policy allows to fail.

        Raises:
            LeaseLost: the job is not this worker's any more; nothing was changed.
        """
        async with self._database.single() as connection:
            row = await _one(
                connection,
                _END_ATTEMPT,
                job_id=lease.job_id,
                token=lease.token,
                retry=retryable,
                max_failed_attempts=self._retry.max_failed_attempts,
                delay=self._retry.delay(lease.failed_attempts + 1 if counted else lease.attempt),
                counted=int(counted),
                retry_message=f"Will be tried again: {error.message}",
                error_reason=error.reason,
                error_message=error.message,
                error_metadata=dict(error.metadata),
            )
        if row is None:
            raise LeaseLost
        return event_from_row(row, is_milestone=True)

    async def was_completed_by(self, lease: Lease) -> bool:
        """Whether this attempt has completed its job: what its writer may not know where the answer was lost."""
        async with self._database.single() as connection:
            found = await connection.scalar(_WAS_COMPLETED, {"job_id": lease.job_id, "attempt": lease.attempt})
        return bool(found)

    async def release(self, lease: Lease) -> JobEvent:
        """Give a job back so that another worker continues at once.

        Raises:
            LeaseLost: the job is not this worker's any more; nothing was changed.
        """
        async with self._database.single() as connection:
            row = await _one(connection, _RELEASE, job_id=lease.job_id, token=lease.token)
        if row is None:
            raise LeaseLost
        return event_from_row(row, is_milestone=True)

    async def reclaim_expired(self, *, batch: int = 100) -> list[JobEvent]:
        """Take expired leases away: their jobs wait again, or end where they may not be attempted again."""
        async with self._database.single() as connection:
            rows = await connection.execute(
                _RECLAIM_EXPIRED, {"max_failed_attempts": self._retry.max_failed_attempts, "batch": batch}
            )
            return [event_from_row(row, is_milestone=True) for row in rows.mappings()]

    async def cancel(self, workspace_id: str, job_id: UUID) -> JobEvent | None:
        """Cancel a job: at once where it is PENDING, else by asking its worker. Jobs that have ended stay as they are.

        Returns:
            The event to publish, where the job was cancelled at once.
        """
        async with self._database.single() as connection:
            row = await _one(connection, _CANCEL, workspace_id=workspace_id, job_id=job_id)
        return event_from_row(row, is_milestone=True) if row is not None else None


async def _one(connection: AsyncConnection, statement: sa.TextClause, **parameters: object) -> Any:
    return (await connection.execute(statement, parameters)).mappings().one_or_none()
