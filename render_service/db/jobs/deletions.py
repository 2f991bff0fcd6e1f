"""The repository of deletions: rows are deleted first and leave a record, by which their objects are deleted later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from render_service.db.access.audited_changes import entry_of, record
from render_service.db.database import Database
from render_service.db.jobs.jobs import job_not_found
from render_service.db.schema import jobs, provider_tasks
from render_service.domain.access.audit import Action, Origin
from render_service.domain.batches.batch import RowState
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobStatus

_ENDED = "('COMPLETED', 'FAILED', 'CANCELLED')"
_RECORDED = """
    recorded AS (
        INSERT INTO removals (job_id, workspace_id) SELECT id, workspace_id FROM deleted ON CONFLICT DO NOTHING
    )
"""
_DELETE_JOB = sa.text(f"""
    WITH found AS (
        SELECT id, status FROM jobs WHERE workspace_id = :workspace_id AND id = :job_id FOR UPDATE
    ), deleted AS (
        DELETE FROM jobs USING found WHERE jobs.id = found.id AND found.status IN {_ENDED}
        RETURNING jobs.id, jobs.workspace_id
    ), {_RECORDED}
    SELECT status FROM found
""")
# Run before _DELETE_PROJECT, which then finds the rows as the last step of each batch left them.
_LOCK_BATCHES = sa.text("""
    SELECT id FROM batches WHERE workspace_id = :workspace_id AND project_id = :project_id AND accepted_at IS NOT NULL
    ORDER BY id FOR UPDATE
""")
# All or nothing: where a job has not ended or a row of a batch has none yet, nothing is removed. The rows of batches
# contain the project, filled in.
_DELETE_PROJECT = sa.text(f"""
    WITH project AS (
        SELECT id FROM projects WHERE workspace_id = :workspace_id AND id = :project_id FOR UPDATE
    ), found AS (
        SELECT jobs.id, jobs.status FROM jobs JOIN project ON jobs.project_id = project.id
        WHERE jobs.workspace_id = :workspace_id ORDER BY jobs.id FOR UPDATE OF jobs
    ), busy AS (
        SELECT id, status FROM found WHERE status NOT IN {_ENDED} ORDER BY id LIMIT 1
    ), batch AS (
        SELECT batches.id FROM batches JOIN project ON batches.project_id = project.id
        WHERE batches.workspace_id = :workspace_id AND batches.accepted_at IS NOT NULL
    ), waiting AS (
        SELECT id FROM batch
        WHERE EXISTS (SELECT FROM batch_rows WHERE batch_rows.batch_id = batch.id AND batch_rows.state = 'WAITING')
        ORDER BY id LIMIT 1
    ), deleted AS (
        DELETE FROM jobs USING found
        WHERE jobs.id = found.id AND NOT EXISTS (SELECT FROM busy) AND NOT EXISTS (SELECT FROM waiting)
        RETURNING jobs.id, jobs.workspace_id
    ), {_RECORDED}, deleted_batches AS (
        DELETE FROM batches USING batch
        WHERE batches.id = batch.id AND NOT EXISTS (SELECT FROM busy) AND NOT EXISTS (SELECT FROM waiting)
    ), removed AS (
        DELETE FROM projects USING project
        WHERE projects.id = project.id AND NOT EXISTS (SELECT FROM busy) AND NOT EXISTS (SELECT FROM waiting)
    )
    SELECT (SELECT count(*) FROM project) AS projects, (SELECT id FROM busy) AS busy_id,
        (SELECT status FROM busy) AS busy_status, (SELECT id FROM waiting) AS waiting_id
""")
# Cursors older than the events that are deleted with the jobs would skip them: they are refused as too old.
_EXPIRE_JOBS = sa.text(f"""
    WITH old AS (
        SELECT id FROM jobs WHERE finished_at < now() - CAST(:age AS interval)
        ORDER BY finished_at LIMIT :batch FOR UPDATE SKIP LOCKED
    ), marked AS (
        INSERT INTO event_horizons (workspace_id, xid, id)
        SELECT DISTINCT ON (e.workspace_id) e.workspace_id, e.xid, e.id
        FROM job_events AS e JOIN old ON e.job_id = old.id ORDER BY e.workspace_id, e.xid DESC, e.id DESC
        ON CONFLICT (workspace_id) DO UPDATE SET xid = excluded.xid, id = excluded.id
        WHERE (event_horizons.xid, event_horizons.id) < (excluded.xid, excluded.id)
    ), deleted AS (
        DELETE FROM jobs USING old WHERE jobs.id = old.id RETURNING jobs.id, jobs.workspace_id
    ), {_RECORDED}
    SELECT count(*) FROM deleted
""")
_EXPIRE_VIDEOS = sa.text(f"""
    WITH old AS (
        SELECT job_id FROM videos WHERE created_at < now() - CAST(:age AS interval)
        LIMIT :batch FOR UPDATE SKIP LOCKED
    ), deleted AS (
        DELETE FROM videos USING old WHERE videos.job_id = old.job_id
        RETURNING videos.job_id AS id, videos.workspace_id
    ), {_RECORDED}
    SELECT count(*) FROM deleted
""")
# Until the end of the transaction. Two batches at once could each hold the storage counter that the other needs.
_LOCK_EXPIRY = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('expiry', 0))")
# The row stays, because it records the clip's cost.
_EXPIRE_CLIPS = sa.text("""
    UPDATE provider_tasks SET state = 'SUPERSEDED' WHERE id IN (
        SELECT id FROM provider_tasks WHERE state = 'SUCCEEDED' AND finished_at < now() - CAST(:age AS interval)
        LIMIT :batch FOR UPDATE SKIP LOCKED
    )
""")
# Calls of StartRender and RenderFrame that read a font before it was deleted have made their jobs an hour later. Which
# fonts a job draws with is in its spec, which may be large: all older jobs and batches of the workspace are waited for.
# A batch that has ended may be retried for as long as it is kept: its rows that can run again keep their own fonts, and
# each of their specs is read once, only in workspaces that have a font to remove.
_UNUSED_FONTS = sa.text("""
    WITH idle AS MATERIALIZED (
        SELECT id, workspace_id, sha256, deleted_at FROM workspace_fonts AS font
        WHERE deleted_at < now() - CAST(:grace AS interval) AND NOT EXISTS (
            SELECT FROM jobs WHERE jobs.workspace_id = font.workspace_id
                AND status IN ('PENDING', 'PROCESSING') AND created_at < font.deleted_at + CAST(:grace AS interval)
        ) AND NOT EXISTS (
            SELECT FROM batches WHERE batches.workspace_id = font.workspace_id
                AND ended_at IS NULL AND created_at < font.deleted_at + CAST(:grace AS interval)
        )
    ), batch_row AS (
        SELECT batch_rows.state, batch_rows.job_id, batch_rows.job
        FROM batches JOIN batch_rows ON batch_rows.batch_id = batches.id
        WHERE batches.workspace_id IN (SELECT workspace_id FROM idle)
    ), pinned AS MATERIALIZED (
        SELECT jsonb_path_query(jobs.spec, '$.fonts[*].key') #>> '{}' AS key
        FROM batch_row JOIN jobs ON jobs.id = batch_row.job_id
        WHERE batch_row.state = 'STARTED' AND jobs.status IN ('FAILED', 'CANCELLED')
        UNION
        SELECT jsonb_path_query(job, '$.spec.fonts[*].key') #>> '{}' FROM batch_row WHERE state = 'CANCELLED'
    )
    SELECT id, workspace_id, sha256 FROM idle
    WHERE NOT EXISTS (
        SELECT FROM pinned WHERE key = 'fonts/' || idle.workspace_id || '/' || idle.sha256 || '/' || idle.id
    )
    ORDER BY deleted_at LIMIT :batch
""")
_FORGET_FONTS = sa.text("DELETE FROM workspace_fonts WHERE id = ANY(:ids) AND deleted_at IS NOT NULL")
_FONTS_PRESENT = sa.text("SELECT CAST(id AS text) FROM workspace_fonts WHERE CAST(id AS text) = ANY(:ids)")
_PENDING = sa.text("SELECT job_id, workspace_id FROM removals ORDER BY created_at LIMIT :batch")
_DONE = sa.text("DELETE FROM removals WHERE job_id = ANY(:job_ids)")
_JOBS = sa.text("""
    SELECT jobs.id, jobs.workspace_id, finished_at IS NOT NULL AS ended, videos.files, videos.outputs
    FROM jobs LEFT JOIN videos ON videos.job_id = jobs.id WHERE jobs.id = ANY(:job_ids)
""")


@dataclass(frozen=True, slots=True)
class Deletion:
    """A job whose objects are to be deleted."""

    job_id: UUID
    workspace_id: str


@dataclass(frozen=True, slots=True)
class DeletedFont:
    """A deleted font whose file is to be deleted."""

    id: UUID
    workspace_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class KeptJob:
    """A job whose objects may be deleted: `keys` are the object keys of its video's files."""

    workspace_id: str
    ended: bool
    keys: frozenset[str]


class Deletions:
    """Deletes rows, and lists the objects to delete afterwards.

    Args:
        database: Where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete_job(self, workspace_id: str, job_id: UUID) -> None:
        """Delete a job that has ended, with its history and the record of its video.

        Raises:
            DomainError: JOB_NOT_FOUND, or JOB_NOT_ENDED.
        """
        parameters = {"workspace_id": workspace_id, "job_id": job_id}
        async with self._database.single() as connection:
            status = await connection.scalar(_DELETE_JOB, parameters)
        if status is None:
            raise job_not_found(job_id)
        if not JobStatus(status).terminal:
            raise _not_ended(job_id, status)

    async def delete_project(self, workspace_id: str, project_id: UUID, *, origin: Origin | None = None) -> bool:
        """Delete a project with all its jobs and batches, and record it in the audit log; return whether it existed.

        Raises:
            DomainError: JOB_NOT_ENDED; nothing was removed.
        """
        parameters = {"workspace_id": workspace_id, "project_id": project_id}
        entry = entry_of(origin, Action.PROJECT_DELETED, workspace_id, target=project_id)
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_BATCHES, parameters)
            row = (await connection.execute(_DELETE_PROJECT, parameters)).one()
            if row.busy_id is not None:
                raise _not_ended(row.busy_id, row.busy_status)
            if row.waiting_id is not None:
                raise _still_waiting(row.waiting_id)
            if row.projects:
                await record(connection, entry)
        return bool(row.projects)

    async def expire_jobs(self, *, age: timedelta, batch: int = 100) -> int:
        """Delete jobs past their retention; return how many."""
        return await self._count(_EXPIRE_JOBS, age, batch)

    async def expire_videos(self, *, age: timedelta, batch: int = 100) -> int:
        """Delete the records of videos past their retention, and keep their jobs; return how many."""
        return await self._count(_EXPIRE_VIDEOS, age, batch)

    async def expire_clips(self, *, age: timedelta, batch: int = 100) -> int:
        """Supersede clips past their retention, which are submitted again when needed; return how many."""
        async with self._database.single() as connection:
            return (await connection.execute(_EXPIRE_CLIPS, {"age": age, "batch": batch})).rowcount

    async def pending(self, *, batch: int = 100) -> Sequence[Deletion]:
        """Return jobs whose objects are to be deleted, the longest waiting first."""
        async with self._database.single() as connection:
            rows = await connection.execute(_PENDING, {"batch": batch})
            return [Deletion(row.job_id, row.workspace_id) for row in rows]

    async def done(self, removals: Sequence[Deletion]) -> None:
        """Record that the objects of these jobs are deleted."""
        async with self._database.single() as connection:
            await connection.execute(_DONE, {"job_ids": [removal.job_id for removal in removals]})

    async def kept(self, job_ids: Sequence[UUID]) -> dict[UUID, KeptJob]:
        """Return those of the given jobs that exist."""
        async with self._database.single() as connection:
            rows = (await connection.execute(_JOBS, {"job_ids": list(job_ids)})).all()
        return {row.id: KeptJob(row.workspace_id, row.ended, _keys(row.files or {}, row.outputs or [])) for row in rows}

    async def completed_jobs(self, *, after: UUID, batch: int = 500) -> dict[UUID, KeptJob]:
        """Return jobs that have a video, in the order of their ids, from one on."""
        statement = (
            sa.select(jobs.c.id)
            .where(jobs.c.status == JobStatus.COMPLETED, jobs.c.id > after)
            .order_by(jobs.c.id)
            .limit(batch)
        )
        async with self._database.single() as connection:
            ids = list((await connection.execute(statement)).scalars())
        kept = await self.kept(ids)
        return {job_id: kept[job_id] for job_id in ids if job_id in kept}

    async def clips_in_use(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the given object keys whose clip is still in use."""
        statement = sa.select(provider_tasks.c.clip_key).where(
            provider_tasks.c.state == "SUCCEEDED", provider_tasks.c.clip_key == sa.any_(sa.literal(list(keys)))
        )
        async with self._database.single() as connection:
            return frozenset((await connection.execute(statement)).scalars())

    async def unused_fonts(self, *, batch: int = 100, grace: timedelta = timedelta(hours=1)) -> Sequence[DeletedFont]:
        """Return deleted fonts that no job draws with any longer, nor one that the retry of a batch may start.

        Call `forget_fonts` once their files are deleted.
        """
        async with self._database.single() as connection:
            rows = await connection.execute(_UNUSED_FONTS, {"batch": batch, "grace": grace})
            return [DeletedFont(row.id, row.workspace_id, row.sha256) for row in rows]

    async def forget_fonts(self, fonts: Sequence[DeletedFont]) -> None:
        """Remove the rows of deleted fonts."""
        async with self._database.single() as connection:
            await connection.execute(_FORGET_FONTS, {"ids": [font.id for font in fonts]})

    async def fonts_in_use(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the given object keys whose font has a row, that of a deleted font included."""
        ids = {key: key.rpartition("/")[2] for key in keys}
        async with self._database.single() as connection:
            rows = await connection.execute(_FONTS_PRESENT, {"ids": list(ids.values())})
            present = frozenset(rows.scalars())
        return frozenset(key for key, font_id in ids.items() if font_id in present)

    async def _count(self, statement: sa.TextClause, age: timedelta, batch: int) -> int:
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_EXPIRY)
            return int((await connection.execute(statement, {"age": age, "batch": batch})).scalar_one())


def _keys(files: Mapping[str, Any], outputs: Sequence[Any]) -> frozenset[str]:
    of_all = [files, *(named["video"]["files"] for named in outputs)]
    whole = [file for of_one in of_all for file in of_one.values()]
    # Videos of earlier versions have no parts.
    return frozenset(one["key"] for file in whole for one in (file, *file.get("parts", ())))


def _not_ended(job_id: UUID, status: str) -> DomainError:
    return DomainError(
        ErrorReason.JOB_NOT_ENDED,
        "the job has not ended; cancel it first",
        {"job_id": str(job_id), "status": status},
    )


def _still_waiting(batch_id: UUID) -> DomainError:
    return DomainError(
        ErrorReason.JOB_NOT_ENDED,
        "rows of a batch still wait for their jobs; cancel the batch first",
        {"batch_id": str(batch_id), "status": RowState.WAITING},
    )
