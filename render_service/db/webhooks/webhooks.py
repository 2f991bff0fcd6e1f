"""The repository of webhooks: the receivers of a workspace's job events."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from render_service.db.access.audited_changes import change, entry_of, record
from render_service.db.database import Database
from render_service.db.schema import webhooks
from render_service.domain.access.audit import Action, Origin
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobStatus
from render_service.domain.jobs.receiver import Receiver
from render_service.domain.webhooks.webhook import MAX_WEBHOOKS, Webhook

_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || CAST(:workspace_id AS text), 0))")
_RETRY_SECONDS = 60.0


class Webhooks:
    """The webhooks in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, webhook_id: UUID, workspace_id: str, receiver: Receiver, labels: Mapping[str, str], *, origin: Origin
    ) -> Webhook:
        """Store a webhook, together with the entry in the audit log.

        Args:
            webhook_id: Its id.
            workspace_id: The workspace whose events it receives.
            receiver: The receiver, and the statuses that it subscribes to.
            labels: Only events of jobs that have all of these.
            origin: Who stores it, and from where.

        Raises:
            DomainError: WEBHOOK_EXISTS or QUOTA_EXCEEDED.
        """
        values = {
            "id": webhook_id,
            "workspace_id": workspace_id,
            "url": receiver.url,
            "host": receiver.host,
            "statuses": list(receiver.statuses),
            "labels": dict(labels),
        }
        entry = entry_of(origin, Action.WEBHOOK_CREATED, workspace_id, target=webhook_id)
        async with self._database.transaction() as connection:
            # One at a time in a workspace, so that the rows read next stay as they are until the commit.
            await connection.execute(_LOCK, {"workspace_id": workspace_id})
            of_workspace = sa.select(webhooks.c.id, webhooks.c.url).where(webhooks.c.workspace_id == workspace_id)
            present = {row.url: row.id for row in await connection.execute(of_workspace)}
            if receiver.url in present:
                raise _exists(present[receiver.url])
            if len(present) >= MAX_WEBHOOKS:
                raise _too_many()
            await record(connection, entry)
            row = await connection.execute(sa.insert(webhooks).values(values).returning(*webhooks.c))
            return _from_row(row.mappings().one())

    async def list(self, workspace_id: str) -> list[Webhook]:
        """Return all webhooks of a workspace, oldest first."""
        statement = (
            sa.select(webhooks)
            .where(webhooks.c.workspace_id == workspace_id)
            .order_by(webhooks.c.created_at, webhooks.c.id)
        )
        async with self._database.single() as connection:
            return [_from_row(row) for row in (await connection.execute(statement)).mappings()]

    async def get(self, workspace_id: str, webhook_id: UUID) -> Webhook:
        """Return a webhook.

        Raises:
            DomainError: WEBHOOK_NOT_FOUND.
        """
        statement = sa.select(webhooks).where(webhooks.c.workspace_id == workspace_id, webhooks.c.id == webhook_id)
        async with self._database.single() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise webhook_not_found(webhook_id)
        return _from_row(row)

    async def delete(self, workspace_id: str, webhook_id: UUID, *, origin: Origin | None = None) -> None:
        """Delete a webhook, together with the entry in the audit log.

        Nothing more is sent to it, and its deliveries are no longer listed. Their rows are pruned later, in batches,
        because there may be millions.

        Raises:
            DomainError: WEBHOOK_NOT_FOUND.
        """
        statement = sa.delete(webhooks).where(webhooks.c.workspace_id == workspace_id, webhooks.c.id == webhook_id)
        entry = entry_of(origin, Action.WEBHOOK_DELETED, workspace_id, target=webhook_id)
        if await change(self._database, statement.returning(webhooks.c.id), entry) is None:
            raise webhook_not_found(webhook_id)


def webhook_not_found(webhook_id: UUID) -> DomainError:
    """Return the error for a webhook that does not exist or is in another workspace."""
    return DomainError(
        ErrorReason.WEBHOOK_NOT_FOUND,
        "there is no such webhook in this workspace",
        {"webhook_id": str(webhook_id)},
    )


def _exists(webhook_id: UUID) -> DomainError:
    return DomainError(
        ErrorReason.WEBHOOK_EXISTS, "the workspace has a webhook with this url", {"webhook_id": str(webhook_id)}
    )


def _too_many() -> DomainError:
    return DomainError(
        ErrorReason.QUOTA_EXCEEDED,
        f"the workspace has {MAX_WEBHOOKS} webhooks already; delete one first",
        {"quota": "webhooks", "limit": str(MAX_WEBHOOKS)},
        retry_after_seconds=_RETRY_SECONDS,
    )


def _from_row(row: Mapping[Any, Any]) -> Webhook:
    return Webhook(
        id=row["id"],
        workspace_id=row["workspace_id"],
        receiver=Receiver(row["url"], row["host"], tuple(JobStatus(status) for status in row["statuses"])),
        labels=row["labels"],
        create_time=row["created_at"],
    )
