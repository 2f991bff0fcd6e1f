"""Deliveries as their senders see them: leased when due, with the outcome of each attempt recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.domain.webhooks.webhook import DeliveryState

# Targets, each a host that a workspace sends to, are found by a skip scan of the index: the cost of a lease depends on
# their number, not on the deliveries that pile up for an unreachable one. For each target, no more are taken than its
# capacity allows, and workspaces take turns. Whether an earlier delivery of the job is pending is checked here again,
# because an old one may have been redelivered. Only the chosen rows are locked, and checked again: those that another
# sender has taken meanwhile are no longer due.
_LEASE = sa.text("""
    WITH RECURSIVE targets AS (
        (SELECT workspace_id, host FROM webhook_deliveries WHERE due_at IS NOT NULL
            ORDER BY workspace_id, host LIMIT 1)
        UNION ALL
        SELECT next.workspace_id, next.host FROM targets CROSS JOIN LATERAL (
            SELECT d.workspace_id, d.host FROM webhook_deliveries AS d
            WHERE d.due_at IS NOT NULL AND (d.workspace_id, d.host) > (targets.workspace_id, targets.host)
            ORDER BY d.workspace_id, d.host LIMIT 1
        ) AS next
    ), known AS (
        SELECT * FROM unnest(
            CAST(:workspaces AS text[]), CAST(:hosts AS text[]), CAST(:capacities AS integer[])
        ) AS known (workspace_id, host, capacity)
    ), busy AS (
        SELECT * FROM unnest(CAST(:busy_workspaces AS text[]), CAST(:busy AS integer[])) AS busy (workspace_id, sent)
    ), due AS (
        SELECT found.id, found.due_at, targets.workspace_id
        FROM targets LEFT JOIN known USING (workspace_id, host) CROSS JOIN LATERAL (
            SELECT d.id, d.due_at FROM webhook_deliveries AS d
            WHERE d.workspace_id = targets.workspace_id AND d.host = targets.host AND d.due_at <= now()
                AND NOT EXISTS (
                    SELECT FROM webhook_deliveries AS earlier
                    WHERE earlier.job_id = d.job_id AND earlier.webhook_id IS NOT DISTINCT FROM d.webhook_id
                        AND earlier.sequence < d.sequence AND earlier.state = 'PENDING'
                )
                AND (d.webhook_id IS NULL OR EXISTS (SELECT FROM webhooks WHERE webhooks.id = d.webhook_id))
            ORDER BY d.due_at
            LIMIT greatest(0, coalesce(known.capacity, :target_capacity))
        ) AS found
    ), turns AS (
        SELECT id, due_at, workspace_id, row_number() OVER (PARTITION BY workspace_id ORDER BY due_at) AS turn FROM due
    ), chosen AS (
        SELECT id FROM turns LEFT JOIN busy USING (workspace_id)
        WHERE turn <= :workspace_capacity - coalesce(busy.sent, 0)
        ORDER BY turn, due_at
        LIMIT :capacity
    ), taken AS (
        SELECT id FROM webhook_deliveries WHERE id IN (SELECT id FROM chosen) AND due_at <= now()
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE webhook_deliveries AS d SET
        leased = true, due_at = now() + :lease, attempts = attempts + 1, tries = tries + 1, attempted_at = now()
    FROM taken WHERE d.id = taken.id
    RETURNING d.id, d.workspace_id, d.job_id, d.sequence, d.url, d.host, d.body, d.attempts, d.tries
""")
# The job's row is locked first, in the same order as when the job is deleted, which prevents deadlocks.
_END_TRY = sa.text("""
    WITH job AS (
        SELECT id FROM jobs WHERE id = :job_id FOR KEY SHARE
    )
    UPDATE webhook_deliveries AS d SET
        state = :state, due_at = now() + CAST(:delay AS interval), leased = false,
        http_status = :http_status, error = :error
    FROM job WHERE d.job_id = job.id AND d.id = :id AND d.state = 'PENDING' AND d.leased AND d.attempts = :attempt
""")
_GIVE_BACK = sa.text("""
    UPDATE webhook_deliveries AS d SET due_at = now(), leased = false, tries = tries - 1
    FROM unnest(CAST(:ids AS uuid[]), CAST(:attempts AS integer[])) AS given (id, attempt)
    WHERE d.id = given.id AND d.state = 'PENDING' AND d.leased AND d.attempts = given.attempt
""")


@dataclass(frozen=True, slots=True)
class Target:
    """A host that a workspace sends to."""

    workspace_id: str
    host: str


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """A delivery that this sender may try now.

    `attempt` counts all attempts and identifies this lease; `number` counts those since the delivery was created or
    last redelivered, and is 1 for the first.
    """

    id: UUID
    target: Target
    job_id: UUID
    sequence: int
    url: str
    body: bytes
    attempt: int
    number: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many deliveries may be taken.

    Args:
        overall: The limit in all.
        workspace: The limit of each workspace, deliveries in flight included.
        target: The limit of a target that `targets` does not name.
        targets: The limits of these targets.
        busy: Deliveries in flight by workspace.
    """

    overall: int
    workspace: int
    target: int
    targets: Mapping[Target, int]
    busy: Mapping[str, int]


class WebhookOutbox:
    """The deliveries that are due.

    Args:
        database: Where they are.
        lease: How long a sender has for an attempt; longer than the attempt's own time-out.
    """

    def __init__(self, database: Database, *, lease: timedelta = timedelta(seconds=30)) -> None:
        self._database = database
        self._lease = lease

    async def lease(self, capacity: Capacity) -> list[LeasedDelivery]:
        """Lease due deliveries; concurrent senders lease different ones. Workspaces take turns."""
        parameters = {
            "workspaces": [target.workspace_id for target in capacity.targets],
            "hosts": [target.host for target in capacity.targets],
            "capacities": list(capacity.targets.values()),
            "busy_workspaces": list(capacity.busy),
            "busy": list(capacity.busy.values()),
            "target_capacity": capacity.target,
            "workspace_capacity": capacity.workspace,
            "capacity": capacity.overall,
            "lease": self._lease,
        }
        async with self._database.single() as connection:
            return [
                LeasedDelivery(
                    row.id,
                    Target(row.workspace_id, row.host),
                    row.job_id,
                    row.sequence,
                    row.url,
                    row.body.encode(),
                    row.attempts,
                    row.tries,
                )
                for row in await connection.execute(_LEASE, parameters)
            ]

    async def end_try(
        self, leased: LeasedDelivery, state: DeliveryState, *, http_status: int, error: str, delay: timedelta | None
    ) -> bool:
        """Record the outcome of an attempt; after the last one, the next delivery of the job is due.

        Args:
            leased: The delivery.
            state: Its new state.
            http_status: The HTTP status of the response; 0 without one.
            error: The error, for people; empty if there was none.
            delay: Time until the next attempt; None unless it is still PENDING.

        Returns:
            Whether the lease was still held; otherwise nothing was changed.
        """
        parameters = {
            "id": leased.id,
            "job_id": leased.job_id,
            "attempt": leased.attempt,
            "state": state,
            "delay": delay,
            "http_status": http_status,
            "error": error,
        }
        async with self._database.single() as connection:
            return bool((await connection.execute(_END_TRY, parameters)).rowcount)

    async def give_back(self, leased: Sequence[LeasedDelivery]) -> None:
        """Release deliveries to other senders at once; the started attempts do not count."""
        parameters = {"ids": [one.id for one in leased], "attempts": [one.attempt for one in leased]}
        async with self._database.single() as connection:
            await connection.execute(_GIVE_BACK, parameters)
