"""The stream of a batch to one watcher: its counts as they change, and the end of each of its jobs once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from render_service.db.batches.batches import Batches, RowEnd
from render_service.db.jobs.workspace_events import OLDEST, EventPosition
from render_service.domain.batches.batch import Batch, BatchState, RowState
from render_service.progress.batch_reads import READ_SECONDS, BatchReads
from render_service.progress.hub import ProgressHub, Slot
from render_service.progress.payload import workspace_channel

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = (RowState.WAITING, RowState.PENDING, RowState.PROCESSING)


@dataclass(frozen=True, slots=True)
class BatchUpdate:
    """The state of the batch, the end of a job, or None for a heartbeat; and the stream's position after it."""

    content: Batch | RowEnd | None
    position: EventPosition


async def watch_batch(
    hub: ProgressHub, batches: Batches, reads: BatchReads, batch: Batch, after: EventPosition | None
) -> AsyncGenerator[BatchUpdate, None]:
    """Stream the changes of a batch until it has ended.

    Args:
        hub: Where events arrive; they only signal that there is something to read.
        batches: The batches in Postgres.
        reads: Reads the state of batches for all watches; it sets the pace of each.
        batch: The batch as it is now.
        after: Where to begin; None begins with the first end of a job.

    Raises:
        DomainError: SHUTTING_DOWN, STORE_UNAVAILABLE, or BATCH_NOT_FOUND where the batch was deleted meanwhile.
    """
    with hub.subscribe(workspace_channel(batch.workspace_id)) as slot:
        position, since = after or OLDEST, _LONG_AGO
        shown = None
        if batch.state is BatchState.RUNNING:
            shown = batch
            yield BatchUpdate(batch, position)
        while True:
            # The state is read before the ends: every job that it counts as ended has its end among those that follow.
            current = await reads.read(batch)
            while True:
                ends = await batches.ends(batch.workspace_id, batch.id, position, since=since)
                for end in ends.ends:
                    position, since = end.position, end.time
                    yield BatchUpdate(end, position)
                if not ends.more:
                    break
            has_ended = current.state is not BatchState.RUNNING
            if has_ended and not ends.unsettled:
                yield BatchUpdate(current, position)
                return
            if current != shown:
                shown = current
                yield BatchUpdate(current, position)
            is_open = any(current.counts.get(state) for state in _OPEN)
            if not ends.unsettled:
                # No event says that a batch has ended: it is noticed after its last job.
                await _wait(slot, None if is_open else READ_SECONDS)
            slot.take()
            slot.stale = False
            if slot.beat:
                slot.beat = False
                yield BatchUpdate(None, position)


async def _wait(slot: Slot, seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await slot.wait()
