"""A batch: one template rendered with many rows of variables, each of which becomes a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MAX_ROWS = 10_000
MAX_KEY = 128


class BatchState(StrEnum):
    """Whether a batch has ended, and how."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class RowState(StrEnum):
    """The states of a row. From PENDING on, they are those of its latest job."""

    WAITING = "WAITING"
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as stored.

    Args:
        id: Its id.
        workspace_id: Its workspace.
        request_id: The caller's id of the call that started it.
        project_id: The stored project that is its template; None for a project given inline.
        title: Of the template.
        rows: How many rows it has.
        max_running: How many of its jobs may run or wait for a worker at a time; None for any number.
        cancel_requested: Whether it was cancelled, and not retried since.
        create_time: When it was stored; UTC.
        end_time: When all rows had ended; None before.
        counts: The number of rows in each state that has any.
    """

    id: UUID
    workspace_id: str
    request_id: UUID | None
    project_id: UUID | None
    title: str
    rows: int
    max_running: int | None
    cancel_requested: bool
    create_time: datetime
    end_time: datetime | None
    counts: Mapping[RowState, int]

    @property
    def state(self) -> BatchState:
        """Whether it has ended, and how."""
        if self.end_time is None:
            return BatchState.RUNNING
        if self.counts.get(RowState.FAILED):
            return BatchState.FAILED
        if self.counts.get(RowState.CANCELLED):
            return BatchState.CANCELLED
        return BatchState.COMPLETED


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to store; its fields are those of `Batch`. `request_hash` is the SHA-256 of the request."""

    id: UUID
    workspace_id: str
    request_id: UUID | None
    request_hash: bytes
    project_id: UUID | None
    title: str
    max_running: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of variables.

    Args:
        path: Where the request has it, such as `rows[17]` or `rows_uri[line 18]`.
        key: The caller's name of it; empty if there is none.
        variables: The values of the placeholders.
    """

    path: str
    key: str
    variables: Mapping[str, str]
