"""The repository of deliveries as callers see them: listing, redelivery and pruning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.jobs.job_lists import Position
from render_service.db.schema import webhook_deliveries as deliveries
from render_service.db.schema import webhooks
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.webhooks.webhook import Delivery, DeliveryState

# Deliveries of a deleted webhook wait to be pruned.
_KEPT = sa.or_(
    deliveries.c.webhook_id.is_(None),
    sa.exists().where(webhooks.c.id == deliveries.c.webhook_id),
)
_SELECT = sa.select(
    deliveries.c.id,
    deliveries.c.webhook_id,
    deliveries.c.job_id,
    deliveries.c.sequence,
    deliveries.c.url,
    deliveries.c.type,
    deliveries.c.state,
    deliveries.c.attempts,
    deliveries.c.http_status,
    deliveries.c.error,
    deliveries.c.created_at,
    deliveries.c.attempted_at,
    deliveries.c.due_at,
).where(_KEPT)
# A finished delivery becomes pending again, and the trigger schedules it; a pending one keeps its place. The job's row
# is locked first, here and in _GIVE_UP, in the same order as when the job is deleted.
_WAIT_AGAIN = sa.text("""
    WITH job AS (
        SELECT id FROM jobs WHERE id = (
            SELECT job_id FROM webhook_deliveries WHERE workspace_id = :workspace_id AND id = :id
        ) FOR KEY SHARE
    )
    UPDATE webhook_deliveries AS d SET
        tries = 0, state = 'PENDING', leased = leased AND state = 'PENDING'
    FROM job WHERE d.job_id = job.id AND d.workspace_id = :workspace_id AND d.id = :id
""")
# The job's first pending delivery is due now, unless it is being sent.
_SEND_NOW = sa.text("""
    UPDATE webhook_deliveries SET due_at = now()
    WHERE state = 'PENDING' AND NOT (leased AND due_at > now()) AND id = (
        SELECT first.id FROM webhook_deliveries AS first JOIN webhook_deliveries AS wanted
            ON first.job_id = wanted.job_id AND first.webhook_id IS NOT DISTINCT FROM wanted.webhook_id
        WHERE wanted.workspace_id = :workspace_id AND wanted.id = :id AND first.state = 'PENDING'
        ORDER BY first.sequence LIMIT 1
    )
""")
# If nothing is sent any more, because the key was removed or because of a fault, no delivery may stay pending for ever.
_GIVE_UP = sa.text("""
    UPDATE webhook_deliveries SET
        state = 'FAILED', due_at = NULL, leased = false, error = 'not delivered for as long as deliveries are kept'
    WHERE id IN (
        SELECT d.id FROM webhook_deliveries AS d JOIN jobs ON jobs.id = d.job_id
        WHERE d.due_at < now() AND d.created_at < now() - CAST(:age AS interval)
        LIMIT :batch FOR KEY SHARE OF jobs SKIP LOCKED FOR UPDATE OF d SKIP LOCKED
    )
""")
_FORGET = sa.text("""
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT id FROM webhook_deliveries
        WHERE state <> 'PENDING' AND created_at < now() - CAST(:age AS interval)
        LIMIT :batch FOR UPDATE SKIP LOCKED
    )
""")
# Finds the webhooks that deliveries name by a skip scan of the index: its cost depends on the number of webhooks.
_FORGET_OF_DELETED = sa.text("""
    WITH RECURSIVE named AS (
        (SELECT webhook_id AS id FROM webhook_deliveries WHERE webhook_id IS NOT NULL ORDER BY webhook_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT webhook_id FROM webhook_deliveries WHERE webhook_id > named.id ORDER BY webhook_id LIMIT 1
        ) FROM named WHERE named.id IS NOT NULL
    ), deleted AS (
        SELECT id FROM named WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM webhooks WHERE webhooks.id = named.id)
    )
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT found.id FROM deleted CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries WHERE webhook_id = deleted.id LIMIT :batch FOR UPDATE SKIP LOCKED
        ) AS found LIMIT :batch
    )
""")


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list; an empty part keeps all."""

    webhook_id: UUID | None = None
    job_id: UUID | None = None
    states: tuple[DeliveryState, ...] = ()


class WebhookDeliveries:
    """The deliveries in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, workspace_id: str, wanted: DeliveryFilter, *, after: Position | None, limit: int
    ) -> tuple[list[Delivery], Position | None]:
        """Return a page of a workspace's deliveries, newest first.

        Args:
            workspace_id: The workspace whose deliveries to list.
            wanted: Which of them.
            after: Where the previous page ended.
            limit: The most to return.

        Returns:
            The deliveries, and where the page ended; None after the last page.
        """
        statement = _SELECT.where(deliveries.c.workspace_id == workspace_id)
        if wanted.webhook_id:
            statement = statement.where(deliveries.c.webhook_id == wanted.webhook_id)
        if wanted.job_id:
            statement = statement.where(deliveries.c.job_id == wanted.job_id)
        if wanted.states:
            statement = statement.where(deliveries.c.state.in_(wanted.states))
        if after:
            place = sa.tuple_(deliveries.c.created_at, deliveries.c.id)
            statement = statement.where(place < (after.created_at, after.id))
        statement = statement.order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc()).limit(limit + 1)
        async with self._database.single_for(workspace_id) as connection:
            found = [_from_row(row) for row in (await connection.execute(statement)).mappings()]
        page = found[:limit]
        return page, Position(page[-1].create_time, page[-1].id) if len(found) > limit else None

    async def get(self, workspace_id: str, delivery_id: UUID) -> Delivery:
        """Return a delivery.

        Raises:
            DomainError: DELIVERY_NOT_FOUND.
        """
        statement = _SELECT.where(deliveries.c.workspace_id == workspace_id, deliveries.c.id == delivery_id)
        async with self._database.single_for(workspace_id) as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise DomainError(
                ErrorReason.DELIVERY_NOT_FOUND,
                "there is no such delivery in this workspace",
                {"delivery_id": str(delivery_id)},
            )
        return _from_row(row)

    async def redeliver(self, workspace_id: str, delivery_id: UUID) -> Delivery:
        """Redeliver now, after the earlier deliveries of its job; its retry schedule starts again.

        Raises:
            DomainError: DELIVERY_NOT_FOUND.
        """
        parameters = {"workspace_id": workspace_id, "id": delivery_id}
        async with self._database.single() as connection:
            await connection.execute(_WAIT_AGAIN, parameters)
            await connection.execute(_SEND_NOW, parameters)
        return await self.get(workspace_id, delivery_id)

    async def forget(self, *, age: timedelta, batch: int = 1_000) -> int:
        """Prune deliveries that are old or belong to a deleted webhook; pending ones are failed first.

        Args:
            age: How old.
            batch: The most to change of each kind.

        Returns:
            How many rows were changed; repeat until it is 0.
        """
        parameters = {"age": age, "batch": batch}
        async with self._database.single() as connection:
            return sum(
                [
                    (await connection.execute(statement, parameters)).rowcount
                    for statement in (_GIVE_UP, _FORGET, _FORGET_OF_DELETED)
                ]
            )


def _from_row(row: Mapping[Any, Any]) -> Delivery:
    return Delivery(
        id=row["id"],
        webhook_id=row["webhook_id"],
        job_id=row["job_id"],
        sequence=row["sequence"],
        url=row["url"],
        type=row["type"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        http_status=row["http_status"],
        error=row["error"],
        create_time=row["created_at"],
        attempt_time=row["attempted_at"],
        next_attempt_time=row["due_at"],
    )
