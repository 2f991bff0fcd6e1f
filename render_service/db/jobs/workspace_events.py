"""The events of a workspace in an order that never skips one, even if transactions commit out of order.

Events are sorted by the id of the transaction that wrote them, then by their own id. An event is read only after every
earlier transaction has ended (its transaction id is below the snapshot's xmin), so that no event can appear before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from render_service.db.database import Database
from render_service.db.row_mapping import event_from_row
from render_service.domain.jobs.job import JobEvent

_XMIN = "pg_snapshot_xmin(pg_current_snapshot())"
_READ = sa.text(f"""
    SELECT e.job_id, jobs.task_id, e.workspace_id, e.sequence, e.milestone, e.status, e.stage, e.progress, e.message,
        e.attempt, e.error_reason, e.error_message, e.warnings, e.created_at AS timestamp,
        CAST(CAST(e.xid AS text) AS bigint) AS xid, e.id, e.xid < {_XMIN} AS settled,
        jobs.labels @> :labels AS wanted
    FROM job_events AS e JOIN jobs ON jobs.id = e.job_id
    WHERE e.workspace_id = :workspace_id
        AND (e.xid, e.id) > (CAST(CAST(:xid AS text) AS xid8), CAST(:id AS bigint))
    ORDER BY e.xid, e.id
    LIMIT :batch
""").bindparams(sa.bindparam("labels", type_=JSONB), sa.bindparam("xid", type_=sa.Text))
_NOW = sa.text(f"SELECT CAST(CAST({_XMIN} AS text) AS bigint)")
_HORIZON = sa.text("""
    SELECT CAST(CAST(xid AS text) AS bigint) AS xid, id FROM event_horizons WHERE workspace_id = :workspace_id
""")
_LAST = sa.text("""
    SELECT e.job_id, max(e.milestone) AS milestone, max(e.sequence) AS sequence
    FROM job_events AS e JOIN jobs ON jobs.id = e.job_id
    WHERE e.workspace_id = :workspace_id AND e.job_id = ANY(:job_ids) AND jobs.labels @> :labels
        AND (e.xid, e.id) <= (CAST(CAST(:xid AS text) AS xid8), CAST(:id AS bigint))
    GROUP BY e.job_id
""").bindparams(sa.bindparam("labels", type_=JSONB), sa.bindparam("xid", type_=sa.Text))
_PRUNE = sa.text("""
    WITH old AS (
        SELECT e.job_id, e.sequence FROM job_events AS e JOIN jobs ON jobs.id = e.job_id
        WHERE e.created_at < now() - CAST(:age AS interval) AND jobs.finished_at < now() - CAST(:age AS interval)
            AND e.milestone < jobs.milestone
        LIMIT :batch
    ), deleted AS (
        DELETE FROM job_events AS e USING old WHERE e.job_id = old.job_id AND e.sequence = old.sequence
        RETURNING e.workspace_id, e.xid, e.id
    ), marked AS (
        INSERT INTO event_horizons (workspace_id, xid, id)
        SELECT DISTINCT ON (workspace_id) workspace_id, xid, id FROM deleted ORDER BY workspace_id, xid DESC, id DESC
        ON CONFLICT (workspace_id) DO UPDATE SET xid = excluded.xid, id = excluded.id
        WHERE (event_horizons.xid, event_horizons.id) < (excluded.xid, excluded.id)
    )
    SELECT count(*) FROM deleted
""")


@dataclass(frozen=True, slots=True, order=True)
class EventPosition:
    """A position in a workspace's events: after all with a lesser or equal (xid, id)."""

    xid: int
    id: int


OLDEST = EventPosition(0, 0)


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events after a position, each with its own position.

    `end` is the position after the whole batch, which may be further than the last event. `more`: there is more to read
    at once. `unsettled`: there is an event that must wait for an older transaction.
    """

    events: tuple[tuple[JobEvent, EventPosition], ...]
    end: EventPosition
    more: bool
    unsettled: bool


class WorkspaceEvents:
    """The events in Postgres, by workspace.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> EventPosition:
        """Return the position after all settled events."""
        async with self._database.single() as connection:
            return EventPosition(int((await connection.execute(_NOW)).scalar_one()), 0)

    async def horizon(self, workspace_id: str) -> EventPosition:
        """Return the oldest position from which nothing was pruned."""
        async with self._database.single() as connection:
            row = (await connection.execute(_HORIZON, {"workspace_id": workspace_id})).one_or_none()
        return EventPosition(row.xid, row.id) if row is not None else OLDEST

    async def read(
        self, workspace_id: str, after: EventPosition, labels: Mapping[str, str], *, batch: int = 200
    ) -> EventBatch:
        """Return the events after a position.

        Args:
            workspace_id: The workspace whose events to read.
            after: The position.
            labels: Only events of jobs that have all of these.
            batch: The most events to read.
        """
        async with self._database.single() as connection:
            rows = (
                (await connection.execute(_READ, _parameters(workspace_id, after, labels) | {"batch": batch}))
                .mappings()
                .all()
            )
        settled = [row for row in rows if row["settled"]]
        end = EventPosition(settled[-1]["xid"], settled[-1]["id"]) if settled else after
        return EventBatch(
            tuple(
                (event_from_row(row, is_milestone=True), EventPosition(row["xid"], row["id"]))
                for row in settled
                if row["wanted"]
            ),
            end,
            more=len(settled) == batch,
            unsettled=len(settled) < len(rows),
        )

    async def last_reported(
        self, workspace_id: str, upto: EventPosition, labels: Mapping[str, str], job_ids: Sequence[UUID]
    ) -> dict[UUID, tuple[int, int]]:
        """Return the last milestone and sequence, up to a position, of those of some jobs that have the labels."""
        parameters = _parameters(workspace_id, upto, labels) | {"job_ids": list(job_ids)}
        async with self._database.single() as connection:
            return {row.job_id: (row.milestone, row.sequence) for row in await connection.execute(_LAST, parameters)}

    async def prune(self, *, age: timedelta, batch: int = 1_000) -> int:
        """Prune old events of ended jobs, except terminal ones; return how many."""
        async with self._database.single() as connection:
            result = await connection.execute(_PRUNE, {"age": age, "batch": batch})
            return int(result.scalar_one())


def _parameters(workspace_id: str, position: EventPosition, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "xid": str(position.xid),
        "id": position.id,
        "labels": dict(labels),
    }
