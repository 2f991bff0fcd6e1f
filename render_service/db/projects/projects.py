"""The repository of projects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from render_service.db.access.audit_log import audit_values
from render_service.db.database import Database
from render_service.db.jobs.jobs import Position
from render_service.db.row_mapping import PROJECT
from render_service.db.schema import audit_log, jobs, projects
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
_SELECT = sa.select(projects, _LATEST_JOB_STATUS)


@dataclass(frozen=True, slots=True)
class StoredProject:
    """A project as stored. `status` follows from its latest job."""

    id: UUID
    workspace_id: str
    project: Project
    status: ProjectStatus
    etag: str
    create_time: datetime
    update_time: datetime


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
        statement = (
            sa.insert(projects)
            .values(id=uuid4(), workspace_id=workspace_id, body=PROJECT.dump_python(project, mode="json"))
            # It has no job yet. In INSERT … RETURNING, SQLAlchemy would look up the jobs of all projects.
            .returning(*projects.c, sa.null().label(_LATEST_JOB_STATUS.name))
        )
        async with self._database.transaction() as connection:
            stored = _stored((await connection.execute(statement)).mappings().one())
            await _audit(connection, origin, Action.PROJECT_CREATED, stored)
        return stored

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
        return _stored(row)

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
                body=PROJECT.dump_python(project, mode="json"),
                version=projects.c.version + 1,
                updated_at=sa.func.now(),
            )
            .returning(*projects.c, _LATEST_JOB_STATUS)
        )
        if etag:
            statement = statement.where(projects.c.version == _version(etag))
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
            if row is not None:
                stored = _stored(row)
                await _audit(connection, origin, Action.PROJECT_UPDATED, stored)
        if row is not None:
            return stored
        present = await self.get(workspace_id, project_id)
        raise DomainError(
            ErrorReason.ETAG_MISMATCH,
            "the project was changed since it was read",
            {"project_id": str(project_id), "etag": present.etag},
        )

    async def list(
        self, workspace_id: str, *, after: Position | None, limit: int
    ) -> tuple[list[StoredProject], Position | None]:
        """Return a page of a workspace's projects, newest first, and where it ended (None: nothing follows)."""
        statement = _SELECT.where(projects.c.workspace_id == workspace_id)
        if after:
            statement = statement.where(sa.tuple_(projects.c.created_at, projects.c.id) < (after.created_at, after.id))
        statement = statement.order_by(projects.c.created_at.desc(), projects.c.id.desc()).limit(limit + 1)
        async with self._database.single_for(workspace_id) as connection:
            found = [_stored(row) for row in (await connection.execute(statement)).mappings()]
        page = found[:limit]
        return page, Position(page[-1].create_time, page[-1].id) if len(found) > limit else None

    async def delete(self, workspace_id: str, project_id: UUID) -> None:
        """Delete a project; its jobs are kept.

        Raises:
            DomainError: PROJECT_NOT_FOUND.
        """
        statement = (
            sa.delete(projects)
            .where(projects.c.workspace_id == workspace_id, projects.c.id == project_id)
            .returning(projects.c.id)
        )
        async with self._database.single() as connection:
            gone = (await connection.execute(statement)).one_or_none()
        if gone is None:
            raise project_not_found(project_id)


def project_not_found(project_id: UUID) -> DomainError:
    """Return the refusal for a project that is absent, or in another workspace."""
    return DomainError(
        ErrorReason.PROJECT_NOT_FOUND, "there is no such project in this workspace", {"project_id": str(project_id)}
    )


async def _audit(connection: AsyncConnection, origin: Origin | None, action: Action, stored: StoredProject) -> None:
    if origin is not None:
        entry = audit_values(origin, action) | {"workspace_id": stored.workspace_id, "target": stored.id}
        await connection.execute(sa.insert(audit_log).values(entry))


def _version(etag: str) -> int:
    # What this service did not make matches no version; it may hold what Postgres would not even take.
    return int(etag) if etag.isascii() and etag.isdecimal() and len(etag) < len(str(2**63)) else -1


def _stored(row: Mapping[Any, Any]) -> StoredProject:
    project = PROJECT.validate_python(row["body"])
    return StoredProject(
        id=row["id"],
        workspace_id=row["workspace_id"],
        project=project,
        status=_status(project, row["latest_job_status"]),
        etag=str(row["version"]),
        create_time=row["created_at"],
        update_time=row["updated_at"],
    )


def _status(project: Project, latest_job: str | None) -> ProjectStatus:
    match latest_job:
        case JobStatus.PENDING | JobStatus.PROCESSING:
            return ProjectStatus.PROCESSING
        case JobStatus.COMPLETED:
            return ProjectStatus.COMPLETED
        case JobStatus.FAILED:
            return ProjectStatus.FAILED
    return ProjectStatus.SCRIPT_READY if project.shots else ProjectStatus.PENDING
