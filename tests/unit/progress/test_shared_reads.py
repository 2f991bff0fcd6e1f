"""Watchers that want a job's history at the same time share one read, which is never older than their question."""

import asyncio
from uuid import uuid4

import pytest

from render_service.progress.shared_reads import SharedReads

JOB = uuid4()


class Table:
    """A row that is read slowly."""

    def __init__(self) -> None:
        self.value = 0
        self.reads: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def read(self, _: object, after_sequence: int) -> int:
        value = self.value
        self.reads.append(after_sequence)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return value


async def test_a_thousand_watchers_at_once_read_once() -> None:
    table = Table()
    shared = SharedReads(table.read)
    assert await asyncio.gather(*(shared.read(JOB, 5) for _ in range(1_000))) == [0] * 1_000
    assert table.reads == [5]


async def test_the_least_sequence_is_read_for_all() -> None:
    table = Table()
    shared = SharedReads(table.read)
    await asyncio.gather(*(shared.read(JOB, after) for after in (7, 3, 9)))
    assert table.reads == [3]


async def test_a_caller_during_a_read_gets_what_was_written_before_its_call() -> None:
    table = Table()
    shared = SharedReads(table.read)
    table.gate.clear()
    early = asyncio.create_task(shared.read(JOB, 1))
    while not table.reads:
        await asyncio.sleep(0)
    table.value = 1
    late = [asyncio.create_task(shared.read(JOB, 1)) for _ in range(10)]
    await asyncio.sleep(0)
    table.gate.set()
    assert await early == 0
    assert await asyncio.gather(*late) == [1] * 10
    assert len(table.reads) == 2


async def test_jobs_do_not_wait_for_each_other() -> None:
    table = Table()
    shared = SharedReads(table.read)
    await asyncio.gather(shared.read(JOB, 1), shared.read(uuid4(), 1))
    assert len(table.reads) == 2


async def test_a_failed_read_fails_for_all_who_share_it_and_for_nobody_else() -> None:
    table = Table()
    shared = SharedReads(table.read)
    table.error = ConnectionError()
    ended = await asyncio.gather(*(shared.read(JOB, 1) for _ in range(3)), return_exceptions=True)
    assert [type(end) for end in ended] == [ConnectionError] * 3
    table.error = None
    assert await shared.read(JOB, 1) == 0


async def test_a_watcher_that_leaves_takes_the_read_from_nobody() -> None:
    table = Table()
    shared = SharedReads(table.read)
    table.gate.clear()
    leaving, staying = (asyncio.create_task(shared.read(JOB, 1)) for _ in range(2))
    while not table.reads:
        await asyncio.sleep(0)
    leaving.cancel()
    table.gate.set()
    assert await staying == 0
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_callers_that_arrive_one_after_another_during_reads_share_few() -> None:
    """Each turn of the event loop brings a caller, as a burst of new watches does."""
    reads = 0

    async def read(_: object, after_sequence: int) -> int:
        nonlocal reads
        reads += 1
        for _ in range(3):
            await asyncio.sleep(0)
        return after_sequence

    shared = SharedReads(read)
    callers = []
    for _ in range(300):
        callers.append(asyncio.create_task(shared.read(JOB, 1)))
        await asyncio.sleep(0)
    await asyncio.gather(*callers)
    # Without a pause, a read would begin every few turns: some 75 in all.
    assert reads < 30
