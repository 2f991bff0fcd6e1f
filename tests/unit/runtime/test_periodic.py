"""Background tasks run at an interval or when nudged, survive unavailable stores, and stop when cancelled."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from render_service.db.database import DatabaseUnavailable
from render_service.runtime.periodic import PeriodicTask
from render_service.runtime.stopping import finishes_before
from render_service.runtime.task_group import BackgroundTasks, TaskFailed
from render_service.storage.errors import StorageUnavailable


class Runs:
    """Work that counts its runs, and first raises the given errors."""

    def __init__(self, *errors: Exception) -> None:
        self.count = 0
        self._errors = list(errors)
        self._changed = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._changed:
            self.count += 1
            self._changed.notify_all()
        if self._errors:
            raise self._errors.pop(0)

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: self.count >= count)


async def stop(running: "asyncio.Task[None]") -> None:
    running.cancel()
    await asyncio.wait([running], timeout=60)
    assert running.cancelled()


async def test_work_repeats_at_its_interval() -> None:
    runs = Runs()
    running = asyncio.create_task(PeriodicTask("test", interval_seconds=0.01).run(runs))
    await runs.reach(3)
    await stop(running)


async def test_work_that_is_due_immediately_does_not_wait_for_the_interval() -> None:
    runs = Runs()
    running = asyncio.create_task(PeriodicTask("test", interval_seconds=3600, immediately=True).run(runs))
    await runs.reach(1)
    await stop(running)


async def test_a_nudge_runs_the_work_now_and_one_during_a_run_runs_it_again() -> None:
    runs = Runs()

    async def work() -> None:
        if runs.count == 0:
            task.nudge()
        await runs()

    task = PeriodicTask("test", interval_seconds=3600)
    running = asyncio.create_task(task.run(work))
    task.nudge()
    await runs.reach(2)
    await stop(running)
    assert runs.count == 2


@pytest.mark.parametrize(
    "error", [DatabaseUnavailable(), StorageUnavailable(), RedisConnectionError(), ConnectionError(), TimeoutError()]
)
async def test_a_store_that_is_unavailable_ends_no_task(error: Exception) -> None:
    runs = Runs(error, error)
    running = asyncio.create_task(PeriodicTask("test", interval_seconds=0.01).run(runs))
    await runs.reach(3)
    await stop(running)


async def test_a_bug_ends_the_task_and_stops_the_process() -> None:
    async def serve() -> None:
        stopping = asyncio.Event()
        async with asyncio.timeout(60), BackgroundTasks(stopping) as tasks:
            tasks.start("broken", PeriodicTask("test", interval_seconds=0.01).run(Runs(ValueError())))
            await stopping.wait()

    with pytest.raises(TaskFailed, match="broken"):
        await serve()


@pytest.mark.parametrize("steps", range(4))
async def test_a_task_that_is_nudged_as_it_is_cancelled_stops(steps: int) -> None:
    # Until Python 3.12, wait_for loses a cancellation that coincides with what it waits for.
    task = PeriodicTask("test", interval_seconds=3600)
    running = asyncio.create_task(task.run(Runs()))
    await asyncio.sleep(0)
    task.nudge()
    for _ in range(steps):
        await asyncio.sleep(0)
    await stop(running)


async def endless() -> None:
    await asyncio.Event().wait()


async def instant() -> None:
    return


@pytest.mark.parametrize(("work", "finishes"), [(endless, False), (instant, True)])
async def test_work_is_cancelled_when_the_process_is_to_stop_first(
    work: Callable[[], Coroutine[object, object, None]], finishes: bool
) -> None:
    stopping = asyncio.Event()
    if not finishes:
        stopping.set()
    async with asyncio.timeout(60):
        assert await finishes_before(stopping, work()) is finishes
