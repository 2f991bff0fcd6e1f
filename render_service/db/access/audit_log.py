"""The repository of the audit trail: appended to, queried, and pruned by age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.schema import audit_log
from render_service.domain.access.audit import Action, AuditEntry, Origin

_PRUNE = sa.text("""
    DELETE FROM audit_log WHERE id IN (
        SELECT id FROM audit_log WHERE at < now() - CAST(:age AS interval) ORDER BY at LIMIT :batch
    )
""")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to return; a criterion that is None matches all."""

    workspace_id: str | None = None
    principal: str | None = None
    action: Action | None = None
    target: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditLog:
    """The audit trail in Postgres.

    Args:
        database: Where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, origin: Origin, action: Action, *, workspace_id: str | None, target: UUID | None, detail: str = ""
    ) -> None:
        """Append an entry; it is durable when this returns.

        Args:
            origin: Who acts, and from where.
            action: What is done.
            workspace_id: The workspace; None if the action belongs to none.
            target: Id of the job, batch, project, key or webhook.
            detail: Details, such as the file; never a secret.
        """
        values = audit_values(origin, action) | {"workspace_id": workspace_id, "target": target, "detail": detail}
        async with self._database.single() as connection:
            await connection.execute(sa.insert(audit_log).values(values))

    async def record_all(
        self, origin: Origin, action: Action, *, workspace_id: str, targets: Mapping[UUID, str]
    ) -> None:
        """Append an entry for each of several targets, given with the detail of each; see `record`."""
        shared = audit_values(origin, action) | {"workspace_id": workspace_id}
        values = [shared | {"target": target, "detail": detail} for target, detail in targets.items()]
        async with self._database.single() as connection:
            await connection.execute(sa.insert(audit_log).values(values))

    async def record_entries(self, entries: Sequence[AuditEntry]) -> None:
        """Append entries, each with its own time; they are durable when this returns."""
        values = [
            audit_values(entry.origin, entry.action)
            | {"at": entry.at, "workspace_id": entry.workspace_id, "target": entry.target, "detail": entry.detail}
            for entry in entries
        ]
        async with self._database.single() as connection:
            await connection.execute(sa.insert(audit_log).values(values))

    async def find(self, wanted: AuditFilter, *, limit: int) -> Sequence[AuditEntry]:
        """Return the newest entries that match, the newest first."""
        statement = sa.select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
        for column, value in (
            (audit_log.c.workspace_id, wanted.workspace_id),
            (audit_log.c.principal, wanted.principal),
            (audit_log.c.action, wanted.action),
            (audit_log.c.target, wanted.target),
        ):
            if value is not None:
                statement = statement.where(column == value)
        if wanted.since is not None:
            statement = statement.where(audit_log.c.at >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(audit_log.c.at < wanted.until)
        async with self._database.single() as connection:
            return [
                AuditEntry(
                    at=row.at,
                    origin=Origin(row.principal, row.principal_name, row.peer, row.request_id),
                    action=Action(row.action),
                    workspace_id=row.workspace_id,
                    target=row.target,
                    detail=row.detail,
                )
                for row in await connection.execute(statement)
            ]

    async def prune(self, *, age: timedelta, batch: int = 1_000) -> int:
        """Prune old entries; return how many."""
        async with self._database.single() as connection:
            return (await connection.execute(_PRUNE, {"age": age, "batch": batch})).rowcount


def audit_values(origin: Origin, action: Action) -> dict[str, object]:
    """Return the columns that record who did what."""
    return {
        "principal": origin.principal,
        "principal_name": origin.principal_name,
        "peer": origin.peer,
        "request_id": origin.request_id,
        "action": action.value,
    }
