"""Reads the events of a workspace once all that are committed can be read.

Events become readable in the order of transactions, once no earlier one runs on the server; other tests have theirs.
"""

import asyncio
from collections.abc import Mapping

from render_service.db.jobs.workspace_events import EventBatch, EventPosition, WorkspaceEvents

_NO_LABELS: Mapping[str, str] = {}


async def read_settled(
    events: WorkspaceEvents,
    workspace_id: str,
    after: EventPosition,
    labels: Mapping[str, str] = _NO_LABELS,
    *,
    batch: int = 200,
) -> EventBatch:
    """Return what `events.read` returns when nothing is held back any longer."""
    async with asyncio.timeout(60):
        while (found := await events.read(workspace_id, after, labels, batch=batch)).unsettled:
            await asyncio.sleep(0.01)
    return found
