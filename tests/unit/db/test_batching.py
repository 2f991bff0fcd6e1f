"""Callers that wait at the same time share a batch, and nobody else's failure or cancellation is theirs."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from render_service.db.batching import Batcher, KeyedBatcher
from render_service.db.database import Database, DatabaseUnavailable


class Statement:
    """Doubles numbers, once it may; refuses negative ones."""

    def __init__(self, *, open_at_once: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.may_end = asyncio.Event()
        self.begun = asyncio.Event()
        if open_at_once:
            self.may_end.set()

    async def execute(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append([*numbers])
        self.begun.set()
        await self.may_end.wait()
        return [2 * number if number >= 0 else ValueError(number) for number in numbers]


async def test_callers_of_one_moment_share_a_batch_and_get_their_own_results() -> None:
    statement = Statement()
    batcher = Batcher(statement.execute)
    assert await asyncio.gather(*map(batcher.call, range(5))) == [0, 2, 4, 6, 8]
    assert statement.batches == [[0, 1, 2, 3, 4]]


async def test_one_call_after_another_is_executed_at_once() -> None:
    statement = Statement()
    batcher = Batcher(statement.execute, parallel=1)
    async with asyncio.timeout(60):
        assert [await batcher.call(number) for number in range(100)] == [2 * number for number in range(100)]
    assert len(statement.batches) == 100


async def test_calls_during_a_batch_are_the_next_one_in_order_and_within_the_limit() -> None:
    statement = Statement(open_at_once=False)
    batcher = Batcher(statement.execute, limit=3, parallel=1)
    calls = [asyncio.create_task(batcher.call(0))]
    await statement.begun.wait()
    calls += [asyncio.create_task(batcher.call(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    statement.may_end.set()
    assert await asyncio.gather(*calls) == [0, 2, 4, 6, 8, 10]
    assert statement.batches == [[0], [1, 2, 3], [4, 5]]


async def test_a_refused_item_fails_alone() -> None:
    batcher = Batcher(Statement().execute)
    results = await asyncio.gather(batcher.call(1), batcher.call(-1), batcher.call(2), return_exceptions=True)
    assert [results[0], results[2]] == [2, 4]
    assert isinstance(results[1], ValueError)


async def test_a_batch_that_fails_fails_for_all_its_callers_and_for_nobody_later() -> None:
    failures = [OSError()]

    async def execute(numbers: Sequence[int]) -> Sequence[int]:
        if failures:
            raise failures.pop()
        return numbers

    batcher = Batcher(execute)
    results = await asyncio.gather(batcher.call(1), batcher.call(2), return_exceptions=True)
    assert [type(result) for result in results] == [OSError, OSError]
    assert await batcher.call(3) == 3


@pytest.mark.parametrize("results", [[1], [1, 2, 3]])
async def test_results_that_do_not_match_the_batch_fail_for_all_its_callers(results: list[int]) -> None:
    async def execute(_: Sequence[int]) -> Sequence[int]:
        return results

    batcher = Batcher(execute)
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(batcher.call(1), batcher.call(2), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]


async def test_a_batch_that_is_cancelled_leaves_no_caller_waiting() -> None:
    async def execute(_: Sequence[int]) -> Sequence[int]:
        raise asyncio.CancelledError

    batcher = Batcher(execute)
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(batcher.call(1), batcher.call(2), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, asyncio.CancelledError]


async def test_a_caller_that_leaves_before_its_batch_is_not_executed_and_one_that_leaves_later_stops_nobody() -> None:
    statement = Statement(open_at_once=False)
    batcher = Batcher(statement.execute, parallel=1)
    first, second = asyncio.create_task(batcher.call(1)), asyncio.create_task(batcher.call(2))
    await statement.begun.wait()
    third, fourth = asyncio.create_task(batcher.call(3)), asyncio.create_task(batcher.call(4))
    await asyncio.sleep(0)
    first.cancel()
    third.cancel()
    await asyncio.wait([first, third])
    statement.may_end.set()
    assert [*await asyncio.gather(second, fourth)] == [4, 8]
    assert statement.batches == [[1, 2], [4]]


async def test_a_batch_has_the_context_of_no_caller() -> None:
    variable: ContextVar[str] = ContextVar("request_id", default="none")
    seen: list[str] = []

    async def execute(numbers: Sequence[int]) -> Sequence[int]:
        seen.append(variable.get())
        return numbers

    variable.set("mine")
    await Batcher(execute).call(1)
    assert seen == ["none"]


@pytest.mark.parametrize("parallel", [1, 3])
async def test_calls_do_not_wait_for_a_slow_batch_unless_as_many_as_allowed_are_executed(parallel: int) -> None:
    statement = Statement(open_at_once=False)
    batcher = Batcher(statement.execute, limit=1, parallel=parallel, slow_seconds=0)
    calls = [asyncio.create_task(batcher.call(number)) for number in range(10)]
    async with asyncio.timeout(60):
        while len(statement.batches) < parallel:
            await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(statement.batches) == parallel
    statement.may_end.set()
    await asyncio.gather(*calls)
    assert sorted(batch[0] for batch in statement.batches) == [*range(10)]


async def test_a_call_waits_only_so_long_for_its_batch_to_begin_and_any_time_for_its_outcome() -> None:
    statement = Statement(open_at_once=False)
    batcher = Batcher(statement.execute, parallel=1, wait_seconds=0.01, too_late=lambda: OSError("too late"))
    begun = asyncio.create_task(batcher.call(1))
    await statement.begun.wait()
    async with asyncio.timeout(60):
        with pytest.raises(OSError, match="too late"):
            await batcher.call(2)
    statement.may_end.set()
    assert await begun == 2
    assert await batcher.call(3) == 6
    assert statement.batches == [[1], [3]]


async def test_calls_that_wait_too_long_for_a_batch_find_the_database_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("render_service.db.database._WAIT_SECONDS", 0.01)
    statement = Statement(open_at_once=False)
    batcher = Database("postgresql://unused.invalid/test").batcher(statement.execute, parallel=1)
    begun = asyncio.create_task(batcher.call(1))
    await statement.begun.wait()
    async with asyncio.timeout(60):
        with pytest.raises(DatabaseUnavailable, match="too slow"):
            await batcher.call(2)
    statement.may_end.set()
    assert await begun == 2


async def test_calls_of_one_key_share_batches_and_wait_for_no_other_key() -> None:
    statements = [Statement(open_at_once=False), Statement()]
    waiting = iter(statements)
    batcher = KeyedBatcher(lambda: Batcher(next(waiting).execute, parallel=1))
    held = [asyncio.create_task(batcher.call("a", number)) for number in range(3)]
    async with asyncio.timeout(60):
        assert await asyncio.gather(*(batcher.call("b", number) for number in range(3))) == [0, 2, 4]
    assert not any(call.done() for call in held)
    statements[0].may_end.set()
    assert await asyncio.gather(*held) == [0, 2, 4]
    assert [statement.batches for statement in statements] == [[[0, 1, 2]], [[0, 1, 2]]]


async def test_the_batcher_of_a_key_is_forgotten_once_idle_and_not_while_a_batch_continues_without_callers() -> None:
    statement = Statement(open_at_once=False)
    batcher = KeyedBatcher(lambda: Batcher(statement.execute, parallel=1))
    left = asyncio.create_task(batcher.call("a", 0))
    await statement.begun.wait()
    left.cancel()
    await asyncio.wait([left])
    others = [asyncio.create_task(batcher.call(key, 1)) for key in ("b", "a")]
    for _ in range(10):
        await asyncio.sleep(0)
    assert statement.batches == [[0], [1]]  # that of "a" is the next one
    statement.may_end.set()
    await asyncio.gather(*others)
    for number in range(10):
        await batcher.call(f"team-{number}", number)
        await asyncio.sleep(0)
    assert len(batcher._batchers) <= 2
