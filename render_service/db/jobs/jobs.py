"""The repository of jobs: create, read, list, and replay missed events."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa

from render_service.db.batching import KeyedBatcher
from render_service.db.database import Database
from render_service.db.jobs.job_inserts import NewJob, insert_jobs, new_job
from render_service.db.jobs.job_lists import JobFilter, Position, list_statement
from render_service.db.prepared import Row, Statement
from render_service.db.row_mapping import (
    JOB_SELECT,
    RENDER_SPEC,
    event_from_row,
    job_from_row,
)
from render_service.db.schema import job_events, jobs
from render_service.domain.access.audit import Origin
from render_service.domain.access.quota import QuotaName, Quotas, quota_exceeded
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import Job, JobEvent, present_event
from render_service.domain.jobs.request import JobRequest

_GET = Statement(JOB_SELECT.where(jobs.c.id == sa.any_(sa.bindparam("job_ids", type_=sa.ARRAY(sa.Uuid)))))
_STARTED_BY = Statement(
    JOB_SELECT.add_columns(jobs.c.request_hash).where(
        jobs.c.workspace_id == sa.bindparam("workspace_id"), jobs.c.request_id == sa.bindparam("request_id")
    )
)
_OLDEST_AFTER: sa.ColumnClause[int] = sa.literal_column("""(
    SELECT CASE WHEN min(kept.milestone) > 1 THEN min(kept.sequence) - 1 ELSE 0 END
    FROM job_events AS kept WHERE kept.job_id = jobs.id
)""")
_EVENT_FIELDS = (
    *("sequence", "milestone", "status", "stage", "progress", "message", "attempt", "error_reason", "error_message"),
    *("warnings", "created_at"),
)
_HISTORY = Statement(
    JOB_SELECT.add_columns(
        _OLDEST_AFTER.label("oldest_after"),
        *(job_events.c[name].label(f"event_{name}") for name in _EVENT_FIELDS),
    )
    .outerjoin_from(
        JOB_SELECT.get_final_froms()[0],
        job_events,
        sa.and_(job_events.c.job_id == jobs.c.id, job_events.c.sequence > sa.bindparam("after_sequence")),
    )
    .where(jobs.c.id == sa.bindparam("job_id"))
    .order_by(job_events.c.sequence)
)
_PRESENT = Statement("SELECT id, sequence FROM jobs WHERE id = ANY(:job_ids)")
_SMALL_BYTES = 64 * 1024  # of a spec; larger ones are stored by statements of their own
_NO_QUOTAS = Quotas()
_RETRY_SECONDS = {QuotaName.QUEUED_JOBS: 5.0, QuotaName.STORED_BYTES: 60.0}


@dataclass(frozen=True, slots=True)
class JobHistory:
    """A job with its milestones after a sequence, read in one snapshot.

    `present` is an event with the job's current state. `oldest_after` is the least `after_sequence` for which history
    is complete; 0 where nothing was pruned.
    """

    job: Job
    present: JobEvent
    events: tuple[JobEvent, ...]
    oldest_after: int


_Page = tuple[list[Job], Position | None]


@dataclass(frozen=True, slots=True)
class _PageRequest:
    """The arguments of `Jobs.list`."""

    workspace_id: str
    wanted: JobFilter
    after: Position | None
    limit: int


class RequestIdReused(DomainError):
    """The request_id belongs to an earlier request with another body."""

    def __init__(self, request_id: UUID, job_id: UUID) -> None:
        super().__init__(
            ErrorReason.REQUEST_ID_REUSED,
            f"request_id {request_id} was used before with another request",
            {"request_id": str(request_id), "job_id": str(job_id)},
        )


class OnStored(Protocol):
    """Is called for each new job once it is committed, whether or not its caller still waits."""

    def __call__(self, event: JobEvent, *, is_sent: bool) -> None:
        """Publish a job's first event; if it was stored as sent, send its message."""


def _leave_unnoticed(event: JobEvent, *, is_sent: bool) -> None:
    pass


class Jobs:
    """The jobs in Postgres.

    Args:
        database: Where they are.
        on_stored: Notifies watchers and workers of a new job.
    """

    def __init__(self, database: Database, on_stored: OnStored = _leave_unnoticed) -> None:
        self._database = database
        self._on_stored = on_stored
        # Inserts of one workspace take turns at its lock: more than one at a time would only hold connections.
        self._small_inserts = KeyedBatcher(lambda: database.batcher(self._insert, parallel=1))
        self._large_inserts = KeyedBatcher(lambda: database.batcher(self._insert, parallel=1, limit=1))
        self._gets = database.batcher(self._get)
        self._pages = KeyedBatcher(lambda: database.batcher(self._read_page))

    async def start(
        self,
        request: JobRequest,
        *,
        quotas: Quotas = _NO_QUOTAS,
        origin: Origin | None = None,
        is_small: bool = False,
        is_sent: bool = False,
    ) -> tuple[Job, JobEvent | None]:
        """Store a job, its first event and the entry in the audit log in one transaction.

        Args:
            request: The job.
            quotas: Those of its workspace.
            origin: Who starts it, and from where; None leaves no entry in the audit trail.
            is_small: Whether the spec is known to be small; otherwise it is serialized in a thread.
            is_sent: Whether `on_stored` sends the job's message.

        Returns:
            The job, and its first event; None where the request_id had already made this job.

        Raises:
            RequestIdReused: The request_id was used with another body.
            DomainError: QUOTA_EXCEEDED.
        """
        dumped = (
            RENDER_SPEC.dump_json(request.spec)
            if is_small
            else await asyncio.to_thread(RENDER_SPEC.dump_json, request.spec)
        )
        job = new_job(request, dumped, quotas, origin=origin, is_sent=is_sent)
        inserts = self._small_inserts if len(dumped) <= _SMALL_BYTES else self._large_inserts
        while True:
            row, event = await inserts.call(request.workspace_id, job)
            if event is not None:
                return job_from_row(row), event
            # A concurrent request with the same id was faster and has committed; its job may have been deleted since.
            options = request.options
            if options.request_id is not None and (
                earlier := await self.started_by(request.workspace_id, options.request_id, options.request_hash)
            ):
                return earlier, None
            if row["exceeded"] is not None:
                quota = QuotaName(row["exceeded"])
                raise quota_exceeded(quota, getattr(quotas, quota), retry_after_seconds=_RETRY_SECONDS[quota])

    async def _insert(self, jobs: Sequence[NewJob]) -> "list[tuple[Row, JobEvent | None] | Exception]":
        """Store jobs, and notify of each that was stored; return its row and its first event."""
        results: list[tuple[Row, JobEvent | None] | Exception] = []
        for job, row in zip(jobs, await insert_jobs(self._database, jobs), strict=True):
            if isinstance(row, Exception):
                results.append(row)
            elif row["job_id"] is None:
                results.append((row, None))
            else:
                event = event_from_row(row, is_milestone=True)
                self._on_stored(event, is_sent=job.is_sent)
                results.append((row, event))
        return results

    async def started_by(self, workspace_id: str, request_id: UUID, request_hash: bytes) -> Job | None:
        """Return the job that a request_id has made, or None.

        Raises:
            RequestIdReused: It was used with another body.
        """
        rows = await self._database.execute(_STARTED_BY, {"workspace_id": workspace_id, "request_id": request_id})
        if not rows:
            return None
        (row,) = rows
        if row["request_hash"] != request_hash:
            raise RequestIdReused(request_id, row["id"])
        return job_from_row(row)

    async def get(self, workspace_id: str, job_id: UUID) -> Job:
        """Return a job.

        Raises:
            DomainError: JOB_NOT_FOUND.
        """
        job = await self._gets.call(job_id)
        if job is None or job.workspace_id != workspace_id:
            raise job_not_found(job_id)
        return job

    async def _get(self, job_ids: Sequence[UUID]) -> list[Job | Exception | None]:
        rows = await self._database.execute(_GET, {"job_ids": list(set(job_ids))})
        found = {row["id"]: _job_or_error(row) for row in rows}
        return [found.get(job_id) for job_id in job_ids]

    async def list(
        self, workspace_id: str, wanted: JobFilter, *, after: Position | None, limit: int
    ) -> tuple[list[Job], Position | None]:
        """Return a page of a workspace's jobs, newest first.

        Args:
            workspace_id: The workspace whose jobs to list.
            wanted: Which of them.
            after: Where the previous page ended.
            limit: The most jobs to return, 1–100.

        Returns:
            The jobs, and where the page ended; None after the last page.
        """
        # Callers that want the same page at the same time share one read, which begins after their calls.
        labels = tuple(sorted((wanted.labels or {}).items()))
        key = (workspace_id, wanted.statuses, wanted.project_id, labels, after, limit)
        return await self._pages.call(key, _PageRequest(workspace_id, wanted, after, limit))

    async def _read_page(self, requests: Sequence[_PageRequest]) -> Sequence[_Page]:
        """Read a page for several callers that want the same."""
        request = requests[0]
        statement, parameters = list_statement(
            request.workspace_id, request.wanted, after=request.after, limit=request.limit + 1
        )
        rows = await self._database.execute_for(request.workspace_id, statement, parameters)
        jobs = [job_from_row(row) for row in rows[: request.limit]]
        end = Position(jobs[-1].create_time, jobs[-1].id) if len(rows) > request.limit else None
        return [(jobs, end)] * len(requests)

    async def history(self, job_id: UUID, after_sequence: int) -> JobHistory | None:
        """Return a job and its milestones after a sequence; None where there is no such job."""
        rows = await self._database.execute(_HISTORY, {"job_id": job_id, "after_sequence": after_sequence})
        if not rows:
            return None
        job = job_from_row(rows[0])
        return JobHistory(
            job,
            present_event(job),
            tuple(_joined_event(row) for row in rows if row["event_sequence"] is not None),
            rows[0]["oldest_after"],
        )

    async def present(self, job_ids: Sequence[UUID]) -> dict[UUID, int]:
        """Return the current sequence of many jobs in one query, by job id."""
        rows = await self._database.execute(_PRESENT, {"job_ids": list(job_ids)})
        return {row["id"]: row["sequence"] for row in rows}


def job_not_found(job_id: UUID) -> DomainError:
    """Return the error for a job that does not exist or is in another workspace."""
    return DomainError(ErrorReason.JOB_NOT_FOUND, "there is no such job in this workspace", {"job_id": str(job_id)})


def _job_or_error(row: Mapping[Any, Any]) -> Job | Exception:
    """Return the job of a row, or why it cannot be read: a newer build may have stored values unknown to this one."""
    try:
        return job_from_row(row)
    except ValueError as error:
        return error


def _joined_event(row: Mapping[Any, Any]) -> JobEvent:
    event = {name: row[f"event_{name}"] for name in _EVENT_FIELDS}
    shared = {name: row[name] for name in ("task_id", "workspace_id")}
    shared |= {"job_id": row["id"], "timestamp": row["event_created_at"]}
    return event_from_row(event | shared, is_milestone=True)
