"""Deliveries as their senders see them: leased when due, with the outcome of each attempt recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.domain.webhooks.webhook import DeliveryState

# Targets, each a host that a workspace sends to, are found by skipping through the index: a lease costs by their
# number, not by that of the deliveries that pile up before a dead one. Of each, no more are taken than it has room
# for, and workspaces take turns. That a delivery has none of its job before it is asked again here, since one that
# was sent long ago may have been asked for anew. Only what was chosen is locked, and looked at again: what another
# sender has taken meanwhile is due no longer.
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
            CAST(:workspaces AS text[]), CAST(:hosts AS text[]), CAST(:rooms AS integer[])
        ) AS known (workspace_id, host, room)
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
            LIMIT greatest(0, coalesce(known.room, :target_room))
        ) AS found
    ), turns AS (
        SELECT id, due_at, workspace_id, row_number() OVER (PARTITION BY workspace_id ORDER BY due_at) AS turn FROM due
    ), chosen AS (
        SELECT id FROM turns LEFT JOIN busy USING (workspace_id)
        WHERE turn <= :workspace_room - coalesce(busy.sent, 0)
        ORDER BY turn, due_at
        LIMIT :room
    ), taken AS (
        SELECT id FROM webhook_deliveries WHERE id IN (SELECT id FROM chosen) AND due_at <= now()
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE webhook_deliveries AS d SET
        leased = true, due_at = now() + :lease, attempts = attempts + 1, tries = tries + 1, attempted_at = now()
    FROM taken WHERE d.id = taken.id
    RETURNING d.id, d.workspace_id, d.job_id, d.sequence, d.url, d.host, d.body, d.attempts, d.tries
""")
# The job's row is locked first, as whoever deletes the job does: neither then waits for the other in a circle.
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

    `attempt` counts all tries, and tells this lease from every other; `number` counts those since the delivery was
    made or last asked for, and is 1 for the first.
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
        overall: In all.
        workspace: Of a workspace, those that are being sent included.
        target: To a target that `targets` does not name.
        targets: To these.
        busy: How many of each workspace are being sent.
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
        lease: How long a sender has for a try; longer than the try's own time-out.
    """

    def __init__(self, database: Database, *, lease: timedelta = timedelta(seconds=30)) -> None:
        self._database = database
        self._lease = lease

    async def lease(self, room: Capacity) -> list[LeasedDelivery]:
        """Lease due deliveries; concurrent senders lease different ones. Workspaces take turns."""
        parameters = {
            "workspaces": [target.workspace_id for target in room.targets],
            "hosts": [target.host for target in room.targets],
            "rooms": list(room.targets.values()),
            "busy_workspaces": list(room.busy),
            "busy": list(room.busy.values()),
            "target_room": room.target,
            "workspace_room": room.workspace,
            "room": room.overall,
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
            state: What it is now.
            http_status: Of the answer; 0 where there was none.
            error: The error, for people; empty if there was none.
            delay: After which it is tried again; None unless it is still PENDING.

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
