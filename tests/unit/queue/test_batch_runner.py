"""Batches go on independently: none is held up by the fault of another."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast
from unittest.mock import Mock
from uuid import UUID

import pytest

from render_service.db.batches.batches import Step
from render_service.db.database import DatabaseUnavailable
from render_service.queue import batch_runner
from render_service.queue.batch_runner import BatchRunner

BROKEN, SOUND = UUID(int=1), UUID(int=2)


class StoredBatches:
    """Two batches of three steps each; a step of the first raises `fault`."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault
        self.steps: Counter[UUID] = Counter()
        self.done: Counter[UUID] = Counter()

    async def ready(self, *, without: Sequence[UUID]) -> Sequence[UUID]:
        return [batch for batch in (BROKEN, SOUND) if batch not in without and self.done[batch] < 3]

    async def step(self, batch_id: UUID) -> Step:
        self.steps[batch_id] += 1
        if self.fault is not None and batch_id == BROKEN:
            raise self.fault
        self.done[batch_id] += 1
        return Step(changed=1)


class Clock:
    """The time, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(batch_runner, "monotonic", clock)
    return clock


def runner_of(batches: StoredBatches) -> BatchRunner:
    return BatchRunner(cast(Any, batches), Mock(), Mock())


async def test_a_batch_that_cannot_go_on_holds_up_no_other_and_is_tried_ever_less_often(clock: Clock) -> None:
    batches = StoredBatches(ValueError("half a surrogate pair"))
    runner = runner_of(batches)
    await runner.run_once()
    assert batches.done == {SOUND: 3}
    tries = []
    for _ in range(20):
        await runner.run_once()
        tries.append(batches.steps[BROKEN])
        clock.now += 1
    assert tries[-1] == 5, "after 0, 1, 3, 7 and 15 seconds"
    batches.fault = None
    clock.now += 16
    await runner.run_once()
    assert batches.done == {BROKEN: 3, SOUND: 3}


async def test_a_database_that_is_unavailable_ends_the_run_and_the_batch_it_failed_for_is_not_the_first_of_the_next(
    clock: Clock,
) -> None:
    batches = StoredBatches(DatabaseUnavailable())
    runner = runner_of(batches)
    with pytest.raises(DatabaseUnavailable):
        await runner.run_once()
    assert batches.steps == {BROKEN: 1}
    await runner.run_once()
    assert batches.done == {SOUND: 3}


async def test_redis_that_is_unavailable_ends_the_run(clock: Clock) -> None:
    batches = StoredBatches(ConnectionError())
    with pytest.raises(ConnectionError):
        await runner_of(batches).run_once()
    assert not batches.done
