"""All that watch a batch share the reads of its state, and no result is older than its request."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from render_service.domain.batches.batch import Batch
from render_service.domain.errors import DomainError, ErrorReason
from render_service.progress.batch_reads import BatchReads


class Batches:
    """Returns the batch with the number of the read as its title."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.reads = batch, 0
        self.error: DomainError | None = None

    async def get(self, workspace_id: str, batch_id: UUID) -> Batch:
        self.reads += 1
        title = str(self.reads)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return replace(self.batch, title=title)


def new_batch() -> Batch:
    return Batch(uuid4(), "team", None, None, "", 1, None, False, datetime.now(UTC), None, {})


async def test_watchers_of_a_batch_share_reads_that_begin_after_their_calls() -> None:
    batch = new_batch()
    batches = Batches(batch)
    reads = BatchReads(batches)  # type: ignore[arg-type]
    assert {found.title for found in await asyncio.gather(*(reads.read(batch) for _ in range(20)))} == {"1"}
    later = []
    for _ in range(20):
        later.append(asyncio.create_task(reads.read(batch)))
        await asyncio.sleep(0)
    assert {found.title for found in await asyncio.gather(*later)} == {"2"}
    assert batches.reads == 2


async def test_a_failed_read_is_raised_in_all_callers_and_the_next_one_reads_again() -> None:
    batch = new_batch()
    batches = Batches(batch)
    reads = BatchReads(batches)  # type: ignore[arg-type]
    batches.error = DomainError(ErrorReason.BATCH_NOT_FOUND, "gone", {})
    for found in await asyncio.gather(*(reads.read(batch) for _ in range(3)), return_exceptions=True):
        assert found is batches.error
    batches.error = None
    assert (await reads.read(batch)).title == "2"
