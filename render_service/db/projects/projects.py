"""The repository of projects."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from render_service.db.access.audited_changes import change, entry_of, etag_mismatch, version_of
from render_service.db.database import Database
from render_service.db.jobs.job_lists import Position
from render_service.db.row_mapping import PROJECT, dump_jsonb
from render_service.db.schema import jobs, projects
from render_service.domain.access.audit import Action, Origin
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobStatus
from render_service.domain.projects.project import Project, ProjectStatus

_LATEST_JOB_STATUS = (
    sa.select(jobs.c.status)
    .where(jobs.c.project_id == projects.c.id)
    .order_by(jobs.c.created_at.desc())
    .limit(1)
    .scalar_subquery()
    .label("latest_job_status")
)
# Reading a larger project would delay the other tasks of the event loop noticeably.
_LARGE_BYTES = 128 * 1024
_SHOT_COUNT = sa.func.jsonb_array_length(projects.c.body["shots"]).label("shot_count")
_COLUMNS = tuple(column for column in projects.c if column is not projects.c.body)
_SELECT = sa.select(*_COLUMNS, projects.c.body, _SHOT_COUNT, _LATEST_JOB_STATUS)
_SELECT_BASIC = sa.select(
    *_COLUMNS, projects.c.body.op("-")(sa.literal("shots", sa.Text)).label("body"), _SHOT_COUNT, _LATEST_JOB_STATUS
)


@dataclass(frozen=True, slots=True)
class StoredProject:
    """A project as stored.

    Args:
        project: Its content; without the shots in a list that omits them.
        shot_count: The number of its shots.
        status: Follows from its latest job.
        etag: The version that `Projects.update` takes.
        size_bytes: The size of its content, with the shots, as JSON.
    """

    id: UUID
    workspace_id: str
    project: Project
    shot_count: int
    status: ProjectStatus
    etag: str
    create_time: datetime
    update_time: datetime
    size_bytes: int = 0


class Projects:
    """The projects in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace_id: str, project: Project, *, origin: Origin | None = None) -> StoredProject:
        """Store a new project, together with the entry in the audit log.

        Args:
            workspace_id: The workspace to store it in.
            project: Its content.
            origin: Who stores it, and from where; None leaves no entry in the audit log.
        """
        project_id = uuid4()
        statement = (
            sa.insert(projects)
            .values(id=project_id, workspace_id=workspace_id, body=await _body(project))
            # It has no job yet. In INSERT … RETURNING, SQLAlchemy would look up the jobs of all projects.
            .returning(*_COLUMNS, _SHOT_COUNT, sa.null().label(_LATEST_JOB_STATUS.name))
        )
        entry = entry_of(origin, Action.PROJECT_CREATED, workspace_id, target=project_id)
        row = await change(self._database, statement, entry)
        assert row is not None
        return _as_stored(row, project)

    async def get(self, workspace_id: str, project_id: UUID) -> StoredProject:
        """Return a project.

        Raises:
            DomainError: PROJECT_NOT_FOUND.
        """
        statement = _SELECT.where(projects.c.workspace_id == workspace_id, projects.c.id == project_id)
        async with self._database.single_for(workspace_id) as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise project_not_found(project_id)
        return await _stored(row)

    async def update(
        self, workspace_id: str, project_id: UUID, project: Project, *, etag: str, origin: Origin | None = None
    ) -> StoredProject:
        """Replace a project's content, together with the entry in the audit log.

        Args:
            workspace_id: The project's workspace.
            project_id: Which project.
            project: The new content.
            etag: The version that is replaced; empty replaces any.
            origin: Who replaces it, and from where; None leaves no entry in the audit log.

        Raises:
            DomainError: PROJECT_NOT_FOUND, or ETAG_MISMATCH.
        """
        statement = (
            sa.update(projects)
            .where(projects.c.workspace_id == workspace_id, projects.c.id == project_id)
            .values(
                body=await _body(project),
                version=projects.c.version + 1,
                updated_at=sa.func.now(),
            )
            .returning(*_COLUMNS, _SHOT_COUNT, _LATEST_JOB_STATUS)
        )
        if etag:
            statement = statement.where(projects.c.version == version_of(etag))
        entry = entry_of(origin, Action.PROJECT_UPDATED, workspace_id, target=project_id)
        row = await change(self._database, statement, entry)
        if row is not None:
            return _as_stored(row, project)
        current = await self.get(workspace_id, project_id)
        raise etag_mismatch("project", {"project_id": str(project_id)}, current.etag)

    async def list(
        self,
        workspace_id: str,
        *,
        after: Position | None,
        limit: int,
        with_shots: bool = True,
        max_bytes: int | None = None,
    ) -> tuple[list[StoredProject], Position | None]:
        """Return a page of a workspace's projects, newest first.

        Args:
            workspace_id: The workspace whose projects to list.
            after: Where the previous page ended.
            limit: The most projects to return.
            with_shots: Whether the projects contain their shots.
            max_bytes: The most bytes of projects to read, each with its shots, unless the first alone has more; None
                for any number.

        Returns:
            The projects, and where the page ended; None after the last page.
        """
        statement = (_SELECT if with_shots else _SELECT_BASIC).where(projects.c.workspace_id == workspace_id)
        if after:
            statement = statement.where(sa.tuple_(projects.c.created_at, projects.c.id) < (after.created_at, after.id))
        statement = statement.order_by(projects.c.created_at.desc(), projects.c.id.desc()).limit(limit + 1)
        if max_bytes is not None:
            statement = _bounded(statement, max_bytes)
        async with self._database.single_for(workspace_id) as connection:
            rows = (await connection.execute(statement)).mappings().all()
        page = [await _stored(row) for row in rows[:limit] if row["body"] is not None]
        return page, Position(page[-1].create_time, page[-1].id) if len(rows) > len(page) else None

    async def delete(self, workspace_id: str, project_id: UUID, *, origin: Origin | None = None) -> None:
        """Delete a project, together with the entry in the audit log; its jobs are kept.

        Raises:
            DomainError: PROJECT_NOT_FOUND.
        """
        statement = (
            sa.delete(projects)
            .where(projects.c.workspace_id == workspace_id, projects.c.id == project_id)
            .returning(projects.c.id)
        )
        entry = entry_of(origin, Action.PROJECT_DELETED, workspace_id, target=project_id)
        if await change(self._database, statement, entry) is None:
            raise project_not_found(project_id)


def project_not_found(project_id: UUID) -> DomainError:
    """Return the error for a project that does not exist or is in another workspace."""
    return DomainError(
        ErrorReason.PROJECT_NOT_FOUND, "there is no such project in this workspace", {"project_id": str(project_id)}
    )


def _bounded(statement: sa.Select[Any], max_bytes: int) -> sa.Select[Any]:
    """Return a page's statement without the bodies beyond a number of bytes, which Postgres does not even read."""
    page = statement.subquery()
    order = (page.c.created_at.desc(), page.c.id.desc())
    read = sa.func.sum(page.c.body_bytes).over(order_by=order)
    is_first = sa.func.row_number().over(order_by=order) == 1
    body = sa.case((sa.or_(read <= max_bytes, is_first), page.c.body)).label("body")
    return sa.select(*(column for column in page.c if column.name != "body"), body).order_by(*order)


async def _stored(row: Mapping[Any, Any]) -> StoredProject:
    is_large = row["body_bytes"] > _LARGE_BYTES
    return _as_stored(row, await asyncio.to_thread(_read_body, row) if is_large else _read_body(row))


def _as_stored(row: Mapping[Any, Any], project: Project) -> StoredProject:
    return StoredProject(
        id=row["id"],
        workspace_id=row["workspace_id"],
        project=project,
        shot_count=row["shot_count"],
        status=_status(row["shot_count"], row["latest_job_status"]),
        etag=str(row["version"]),
        create_time=row["created_at"],
        update_time=row["updated_at"],
        size_bytes=row["body_bytes"],
    )


async def _body(project: Project) -> sa.ColumnElement[Any]:
    # Without SQLAlchemy's type, which would dump it again.
    return sa.cast(sa.literal(await dump_jsonb(PROJECT, project), sa.types.NullType()), JSONB)


def _read_body(row: Mapping[Any, Any]) -> Project:
    return PROJECT.validate_python(row["body"])


def _status(shot_count: int, latest_job: str | None) -> ProjectStatus:
    match latest_job:
        case JobStatus.PENDING | JobStatus.PROCESSING:
            return ProjectStatus.PROCESSING
        case JobStatus.COMPLETED:
            return ProjectStatus.COMPLETED
        case JobStatus.FAILED:
            return ProjectStatus.FAILED
    return ProjectStatus.SCRIPT_READY if shot_count else ProjectStatus.PENDING
