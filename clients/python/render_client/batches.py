"""Batches in the client: their requests, and the position of a watch."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Union

from render_client.messages import PAGE_SIZE
from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import render_service_pb2

KEY = "@key"
"""The entry of a row that is its key; no variable has such a name."""
START_SECONDS = 300.0
"""The least time that StartBatch is given: it checks every row before it answers."""

RowInput = Union[pb.BatchRow, Mapping[str, str]]
"""A row of a batch: a message, or the values of its variables by name, with its key as `@key`."""


def row_message(row: RowInput) -> pb.BatchRow:
    """Return the message of a row."""
    if isinstance(row, pb.BatchRow):
        return row
    return pb.BatchRow(key=row.get(KEY, ""), variables={name: value for name, value in row.items() if name != KEY})


def start_batch(
    workspace: str,
    render: render_service_pb2.StartRenderRequest,
    rows: Iterable[RowInput],
    *,
    rows_uri: str | None,
    max_running: int,
    request_id: str | None,
    dry_run: bool,
) -> pb.StartBatchRequest:
    """Build a StartBatch; generates a request_id if none is given, so that it is safe to retry."""
    render.request_id = ""
    return pb.StartBatchRequest(
        workspace_id=workspace,
        render=render,
        rows=map(row_message, rows),
        rows_uri=rows_uri or "",
        max_running=max_running,
        request_id=request_id or str(uuid.uuid4()),
        dry_run=dry_run,
    )


def list_batches(workspace: str) -> pb.ListBatchesRequest:
    """Build the ListBatches of a first page."""
    return pb.ListBatchesRequest(workspace_id=workspace, page_size=PAGE_SIZE)


@dataclass(frozen=True)
class BatchChange:
    """One message of the watch of a batch.

    Attributes:
        batch: The state of the batch, if that has changed; its end_time is set in the last message only.
        ended: The end of the job of a row, otherwise.
        cursor: Position after this message: store it once the change is handled, and resume from it.
    """

    batch: pb.Batch | None
    ended: pb.BatchRowEnd | None
    cursor: str


class BatchPosition:
    """The position of one watch of a batch, kept across connections.

    Args:
        workspace: Workspace of the batch.
        batch_id: UUID of the batch.
        cursor: Cursor to resume after; empty begins with the first end of a job.
    """

    def __init__(self, workspace: str, batch_id: str, cursor: str) -> None:
        self._workspace = workspace
        self._batch_id = batch_id
        self._cursor = cursor
        self.ended = False

    def request(self) -> pb.WatchBatchRequest:
        """Build the request that resumes after the last message."""
        return pb.WatchBatchRequest(workspace_id=self._workspace, batch_id=self._batch_id, cursor=self._cursor)

    def accept(self, response: pb.WatchBatchResponse) -> BatchChange | None:
        """Process one message of the stream and return it, unless it is a heartbeat."""
        self._cursor = response.cursor or self._cursor
        kind = response.WhichOneof("update")
        if kind == "batch":
            self.ended = response.batch.state != pb.BATCH_STATE_RUNNING
            return BatchChange(response.batch, None, self._cursor)
        return BatchChange(None, response.ended, self._cursor) if kind == "ended" else None
