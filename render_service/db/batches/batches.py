"""The repository of batches: store, read, go on, cancel and retry them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.exc import IntegrityError

from render_service.db.access.audit_log import audit_values
from render_service.db.batches import batch_sql as sql
from render_service.db.batches.removal import delete_batch
from render_service.db.database import Database
from render_service.db.jobs.job_lists import Position
from render_service.db.jobs.workspace_events import EventPosition
from render_service.db.row_mapping import event_from_row
from render_service.db.schema import audit_log
from render_service.db.uncancellable_connection import UncancellableConnection
from render_service.domain.access.audit import Action, Origin
from render_service.domain.access.quota import QuotaName, Quotas, quota_exceeded
from render_service.domain.batches.batch import Batch, NewBatch, RowState
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobEvent, JobStatus

_RETRY_SECONDS = {QuotaName.QUEUED_JOBS: 5.0, QuotaName.STORED_BYTES: 60.0}
_CHUNK = 100  # jobs in one transaction: watchers of all workspaces wait for the end of each
_RETRY_CHUNK = 500
_MOST_BYTES = 8 * 1024 * 1024  # of the jobs, as JSON, that one transaction adds or copies


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A row that was checked: `job` is its job as JSON, from `job_inserts.new_job`."""

    row: int
    key: str
    job: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of a batch changed: the events to publish, how many jobs, and the batch if it has ended."""

    events: tuple[JobEvent, ...] = ()
    changed: int = 0
    ended: Batch | None = None


@dataclass(frozen=True, slots=True)
class RowEnd:
    """The end of the job of a row, with its position in the events of the workspace."""

    row: int
    key: str
    job_id: UUID
    status: JobStatus
    error_message: str
    error_reason: str
    time: datetime
    position: EventPosition


@dataclass(frozen=True, slots=True)
class RowEnds:
    """Ends after a position. `more`: there are more to read; `unsettled`: one must wait for an older transaction."""

    ends: tuple[RowEnd, ...]
    more: bool
    unsettled: bool


class BatchRequestIdReused(DomainError):
    """The request_id belongs to an earlier request with another body."""

    def __init__(self, request_id: UUID, batch_id: UUID) -> None:
        super().__init__(
            ErrorReason.REQUEST_ID_REUSED,
            f"request_id {request_id} was used before with another request",
            {"request_id": str(request_id), "batch_id": str(batch_id)},
        )


class Batches:
    """The batches in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, batch: NewBatch) -> None:
        """Store a batch without its rows; nobody sees it before it is accepted."""
        async with self._database.single() as connection:
            await connection.execute(
                sql.INSERT,
                {
                    "id": batch.id,
                    "workspace_id": batch.workspace_id,
                    "request_id": batch.request_id,
                    "request_hash": batch.request_hash,
                    "project_id": batch.project_id,
                    "title": batch.title,
                    "max_running": batch.max_running,
                },
            )

    async def add_rows(self, batch_id: UUID, rows: Sequence[StagedRow]) -> None:
        """Store rows of a batch that is not accepted yet."""
        encoded = b",".join(
            b'{"row":%d,"key":%b,"bytes":%d,"job":%b}' % (row.row, json.dumps(row.key).encode(), len(row.job), row.job)
            for row in rows
        )
        async with self._database.single() as connection:
            await connection.execute(
                sql.ADD_ROWS, {"batch_id": batch_id, "rows": Jsonb(b"[%b]" % encoded, dumps=bytes)}
            )

    async def discard(self, batch_id: UUID) -> None:
        """Delete a batch that was not accepted, with its rows."""
        await delete_batch(self._database, batch_id)

    async def accept(self, batch: NewBatch, rows: int, *, quotas: Quotas, origin: Origin) -> Batch:
        """Make a batch with all its rows visible, together with the entry in the audit log.

        Args:
            batch: The batch; all its rows are stored.
            rows: How many there are.
            quotas: Those of its workspace.
            origin: Who starts it, and from where.

        Returns:
            The batch; the earlier one where the request_id has made one meanwhile.

        Raises:
            DomainError: QUOTA_EXCEEDED.
            BatchRequestIdReused: The request_id was used with another body meanwhile.
        """
        try:
            async with self._database.transaction() as connection:
                await _check_quotas(connection, batch.workspace_id, quotas, rows)
                await connection.execute(sql.ACCEPT, {"id": batch.id, "rows": rows})
                await _record(connection, origin, Action.BATCH_STARTED, batch.workspace_id, batch.id)
        except IntegrityError:
            request_id = batch.request_id
            earlier = request_id and await self.started_by(batch.workspace_id, request_id, batch.request_hash)
            if not earlier:
                raise
            await self.discard(batch.id)
            return earlier
        return await self.get(batch.workspace_id, batch.id)

    async def started_by(self, workspace_id: str, request_id: UUID, request_hash: bytes) -> Batch | None:
        """Return the batch that a request_id has made, or None.

        Raises:
            BatchRequestIdReused: It was used with another body.
        """
        parameters = {"workspace_id": workspace_id, "request_id": request_id}
        async with self._database.single_for(workspace_id) as connection:
            row = (await connection.execute(sql.STARTED_BY, parameters)).mappings().one_or_none()
        if row is None:
            return None
        if row["request_hash"] != request_hash:
            raise BatchRequestIdReused(request_id, row["id"])
        return _batch(row)

    async def get(self, workspace_id: str, batch_id: UUID) -> Batch:
        """Return a batch.

        Raises:
            DomainError: BATCH_NOT_FOUND.
        """
        async with self._database.single_for(workspace_id) as connection:
            row = (await connection.execute(sql.GET, {"id": batch_id})).mappings().one_or_none()
        if row is None or row["workspace_id"] != workspace_id:
            raise _not_found(batch_id)
        return _batch(row)

    async def list(
        self, workspace_id: str, *, after: Position | None, limit: int
    ) -> tuple[Sequence[Batch], Position | None]:
        """Return a page of batches, newest first, and where it ends; None if there are no more."""
        parameters = {
            "workspace_id": workspace_id,
            "after_time": after and after.created_at,
            "after_id": after and after.id,
            "most": limit + 1,
        }
        async with self._database.single_for(workspace_id) as connection:
            found = [_batch(row) for row in (await connection.execute(sql.LIST, parameters)).mappings()]
        page = found[:limit]
        return page, Position(page[-1].create_time, page[-1].id) if len(found) > limit else None

    async def ends(
        self, workspace_id: str, batch_id: UUID, after: EventPosition, *, since: datetime, count: int = 500
    ) -> RowEnds:
        """Return the ends of a batch's jobs after a position, in order.

        Args:
            workspace_id: The batch's workspace.
            batch_id: The batch.
            after: The position.
            since: When the last end at or before the position took place, or any earlier time.
            count: The most ends to read.
        """
        parameters = {
            "id": batch_id,
            "xid": str(after.xid),
            "event_id": after.id,
            "since": since,
            "count": count,
        }
        async with self._database.single_for(workspace_id) as connection:
            rows = (await connection.execute(sql.ENDS, parameters)).mappings().all()
        settled = [row for row in rows if row["settled"]]
        return RowEnds(tuple(map(_end, settled)), more=len(settled) == count, unsettled=len(settled) < len(rows))

    async def ready(self, *, without: Sequence[UUID] = ()) -> Sequence[UUID]:
        """Return batches for which `step` has something to do, except those in `without`; workspaces take turns."""
        async with self._database.single() as connection:
            return (await connection.execute(sql.READY, {"without": [*without]})).scalars().all()

    async def step(self, batch_id: UUID) -> Step:
        """Start the next rows of a batch, cancel its jobs if that was requested, or end it.

        Nothing is done if another process takes a step at this moment.
        """
        async with self._database.transaction() as connection:
            batch = (await connection.execute(sql.LOCK_RUNNING, {"id": batch_id})).one_or_none()
            if batch is None:
                return Step()
            if batch.cancel_requested:
                rows = await _events(connection, sql.CANCEL_JOBS, id=batch_id, count=_CHUNK)
            else:
                free = _CHUNK
                if batch.max_running is not None:
                    free = min(free, batch.max_running - await connection.scalar(sql.RUNNING, {"id": batch_id}))
                chunk = {"id": batch_id, "count": free, "most_bytes": _MOST_BYTES}
                rows = await _events(connection, sql.START_ROWS, **chunk) if free > 0 else []
            if rows:
                # Workers report the end of the jobs that they are asked to stop.
                events = (event for event in rows if event.status is not JobStatus.PROCESSING)
                return Step(tuple(events), len(rows))
            ended = (await connection.execute(sql.END, {"id": batch_id})).mappings().one_or_none()
            return Step(changed=0 if ended is None else 1, ended=None if ended is None else _batch(ended))

    async def cancel(self, workspace_id: str, batch_id: UUID, *, origin: Origin) -> None:
        """Cancel the rows of a batch that have no job, and let `step` cancel its jobs.

        Raises:
            DomainError: BATCH_NOT_FOUND.
        """
        await self.get(workspace_id, batch_id)
        async with self._database.transaction() as connection:
            await _lock(connection, batch_id)
            await _record(connection, origin, Action.BATCH_CANCELLED, workspace_id, batch_id)
            if (await connection.execute(sql.CANCEL, {"id": batch_id})).rowcount:
                await connection.execute(sql.CANCEL_ROWS, {"id": batch_id})

    async def retry(
        self, workspace_id: str, batch_id: UUID, *, include_cancelled: bool, quotas: Quotas, origin: Origin
    ) -> int:
        """Let the rows whose job FAILED wait for a new job; return how many. Stops once the batch is cancelled.

        Args:
            workspace_id: The batch's workspace.
            batch_id: The batch.
            include_cancelled: Whether rows that were cancelled wait again, too.
            quotas: Those of the workspace.
            origin: Who retries it, and from where.

        Raises:
            DomainError: BATCH_NOT_FOUND or QUOTA_EXCEEDED.
        """
        await self.get(workspace_id, batch_id)
        chosen = {"id": batch_id, "include_cancelled": include_cancelled}
        chunk = {"count": _RETRY_CHUNK, "most_bytes": _MOST_BYTES}
        retried, last = 0, -1
        while True:
            # Rows are copied with all that they render: many of them in one transaction would hold up others.
            async with self._database.transaction() as connection:
                is_stopped = await _lock(connection, batch_id)
                if last >= 0 and is_stopped:
                    return retried  # cancelled since the last transaction
                if last < 0:
                    count = await connection.scalar(sql.RETRIABLE, chosen)
                    if not count:
                        return 0
                    await _check_quotas(connection, workspace_id, quotas, count)
                    await _record(connection, origin, Action.BATCH_RETRIED, workspace_id, batch_id)
                    await connection.execute(sql.RESUME, {"id": batch_id})
                    if include_cancelled:
                        retried += (await connection.execute(sql.RETRY_CANCELLED_ROWS, {"id": batch_id})).rowcount
                rows = await connection.execute(sql.RETRY_ROWS, chosen | chunk | {"after": last})
                found = rows.scalars().all()
            if not found:
                return retried
            retried, last = retried + len(found), max(found)

    async def expire(self, *, age: timedelta, batch: int) -> int:
        """Delete batches that ended long ago and have no job left; return how many."""
        return await self._delete(sql.EXPIRE, age, batch)

    async def expire_unaccepted(self, *, age: timedelta, batch: int) -> int:
        """Delete batches whose server stopped before it had stored all rows; return how many."""
        return await self._delete(sql.UNACCEPTED, age, batch)

    async def _delete(self, chosen: sa.TextClause, age: timedelta, batch: int) -> int:
        async with self._database.single() as connection:
            found = (await connection.execute(chosen, {"age": age, "batch": batch})).scalars().all()
        return sum([await delete_batch(self._database, batch_id) for batch_id in found])


async def _lock(connection: UncancellableConnection, batch_id: UUID) -> bool:
    """Lock a batch until the commit; return whether it is cancelled or has ended."""
    row = (await connection.execute(sql.LOCK, {"id": batch_id})).one_or_none()
    if row is None:
        raise _not_found(batch_id)
    return bool(row.is_stopped)


async def _check_quotas(connection: UncancellableConnection, workspace_id: str, quotas: Quotas, more: int) -> None:
    """Refuse further rows that exceed a quota; the queue of the workspace stays locked until the commit."""
    of_workspace = {"workspace_id": workspace_id}
    if quotas.stored_bytes is not None:
        stored = await connection.scalar(sql.STORED, of_workspace)
        if stored is not None and stored >= quotas.stored_bytes:
            raise _exceeded(QuotaName.STORED_BYTES, quotas.stored_bytes)
    if quotas.queued_jobs is not None:
        await connection.execute(sql.LOCK_QUEUE, of_workspace)
        used = {"most_queued": quotas.queued_jobs, "more": more}
        if await connection.scalar(sql.USED, of_workspace | used) + more > quotas.queued_jobs:
            raise _exceeded(QuotaName.QUEUED_JOBS, quotas.queued_jobs)


def _exceeded(quota: QuotaName, limit: int) -> DomainError:
    return quota_exceeded(quota, limit, retry_after_seconds=_RETRY_SECONDS[quota])


async def _record(
    connection: UncancellableConnection, origin: Origin, action: Action, workspace_id: str, batch_id: UUID
) -> None:
    values = audit_values(origin, action) | {"workspace_id": workspace_id, "target": batch_id}
    await connection.execute(sa.insert(audit_log).values(values))


async def _events(
    connection: UncancellableConnection, statement: sa.TextClause, **parameters: object
) -> list[JobEvent]:
    """Return the events of the jobs that a statement changed."""
    rows = (await connection.execute(statement, parameters)).mappings()
    return [event_from_row(row, is_milestone=True) for row in rows]


def _batch(row: Mapping[Any, Any]) -> Batch:
    return Batch(
        id=row["id"],
        workspace_id=row["workspace_id"],
        request_id=row["request_id"],
        project_id=row["project_id"],
        title=row["title"],
        rows=row["rows"],
        max_running=row["max_running"],
        cancel_requested=row["cancel_requested"],
        create_time=row["created_at"],
        end_time=row["ended_at"],
        counts={RowState(state): number for state, number in row["counts"].items()},
    )


def _end(row: Mapping[Any, Any]) -> RowEnd:
    is_failed = row["status"] == JobStatus.FAILED
    return RowEnd(
        row=row["batch_row"],
        key=row["batch_key"],
        job_id=row["job_id"],
        status=JobStatus(row["status"]),
        error_message=(row["error_message"] or "") if is_failed else "",
        error_reason=(row["error_reason"] or "") if is_failed else "",
        time=row["created_at"],
        position=EventPosition(row["xid"], row["id"]),
    )


def _not_found(batch_id: UUID) -> DomainError:
    return DomainError(
        ErrorReason.BATCH_NOT_FOUND, "there is no such batch in this workspace", {"batch_id": str(batch_id)}
    )
