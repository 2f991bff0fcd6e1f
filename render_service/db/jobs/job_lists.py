"""The statements that read a page of a workspace's jobs: a bounded number of shapes, each compiled once.

The most that a page can have is part of a statement, not a parameter: Postgres plans for an unknown limit as if a tenth
of the table were wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import JSONB

from render_service.db.prepared import Statement
from render_service.db.row_mapping import JOB_SELECT
from render_service.db.schema import jobs
from render_service.domain.jobs.job import JobStatus

_LIMITS = (21, 51, 101)  # of the usual pages, with the job that shows whether another page follows


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; an empty part keeps all."""

    statuses: tuple[JobStatus, ...] = ()
    project_id: UUID | None = None
    labels: Mapping[str, str] | None = None
    batch_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a list, newest first."""

    created_at: datetime
    id: UUID


def list_statement(
    workspace_id: str, wanted: JobFilter, *, after: Position | None, limit: int
) -> tuple[Statement, dict[str, Any]]:
    """Return the statement for a page of a workspace's jobs, newest first, and its parameters.

    Args:
        workspace_id: The workspace whose jobs to list.
        wanted: Which of them.
        after: Where the previous page ended.
        limit: How many jobs are needed, 1–101; the statement may return more.
    """
    statement = _statement(
        by_status=bool(wanted.statuses),
        by_project=wanted.project_id is not None,
        by_label=bool(wanted.labels),
        by_batch=wanted.batch_id is not None,
        is_first=after is None,
        limit=next(most for most in _LIMITS if most >= limit),
    )
    parameters = {
        "workspace_id": workspace_id,
        "statuses": [status.value for status in wanted.statuses],
        "project_id": wanted.project_id,
        "labels": Jsonb(dict(wanted.labels or {})),
        "batch_id": wanted.batch_id,
        "after_time": after and after.created_at,
        "after_id": after and after.id,
    }
    return statement, parameters


@cache
def _statement(
    *, by_status: bool, by_project: bool, by_label: bool, by_batch: bool, is_first: bool, limit: int
) -> Statement:
    # Which index is best for labels, or for a project or batch together with statuses, depends on the values: Postgres
    # plans these for each call.
    is_prepared = not by_label and not ((by_project or by_batch) and by_status)
    table = jobs.alias("listed") if by_status else jobs
    conditions = [table.c.workspace_id == sa.bindparam("workspace_id")]
    if by_project:
        conditions.append(table.c.project_id == sa.bindparam("project_id"))
    if by_batch:
        conditions.append(table.c.batch_id == sa.bindparam("batch_id"))
    if by_label:
        conditions.append(table.c.labels.contains(sa.bindparam("labels", type_=JSONB)))
    if not is_first:
        position = sa.tuple_(sa.bindparam("after_time"), sa.bindparam("after_id"))
        conditions.append(sa.tuple_(table.c.created_at, table.c.id) < position)
    if not by_status:
        return Statement(_newest(JOB_SELECT.where(*conditions), jobs, limit), is_prepared=is_prepared)
    # The newest of each status, of which each has its place in an index: jobs of other statuses are not even read.
    given = sa.func.unnest(sa.bindparam("statuses", type_=sa.ARRAY(sa.Text)))
    statuses = given.table_valued("status", name="wanted").render_derived()
    of_status = sa.select(table.c.id, table.c.created_at).where(*conditions, table.c.status == statuses.c.status)
    newest = _newest(of_status, table, limit).lateral("newest")
    page = _newest(sa.select(newest.c.id).select_from(statuses.join(newest, sa.true())), newest, limit)
    listed = JOB_SELECT.where(jobs.c.id.in_(page))
    return Statement(listed.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()), is_prepared=is_prepared)


def _newest(select: sa.Select[Any], table: sa.FromClause, limit: int) -> sa.Select[Any]:
    ordered = select.order_by(table.c.created_at.desc(), table.c.id.desc())
    return ordered.limit(sa.literal_column(str(limit)))
