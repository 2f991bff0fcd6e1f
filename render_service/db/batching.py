"""Callers that wait at the same time share one statement.

A statement costs most of its processor time, and its round trip, whatever the number of rows. Under load, the calls
that arrive while a batch is being executed are the next batch: nobody waits for a batch to fill, and a call that comes
alone is executed at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _Call(Generic[Item, Result]):
    item: Item
    outcome: "asyncio.Future[Result]"
    has_begun: bool = False

    def end(self, result: Result | Exception) -> None:
        """Give the caller its result, unless it has left."""
        if self.outcome.done():
            return
        if isinstance(result, Exception):
            self.outcome.set_exception(result)
        else:
            self.outcome.set_result(result)

    def give_up(self, error: Exception) -> None:
        """End a call whose batch has not begun: nothing of it was executed."""
        if not self.has_begun:
            self.end(error)


class Batcher(Generic[Item, Result]):
    """Gathers the items of concurrent calls into batches.

    Args:
        execute: Returns the results of a batch, in its order. A result that is an exception is raised to its caller;
            what `execute` raises itself is raised to every caller of the batch.
        limit: The most items of a batch.
        parallel: How many batches are executed at a time, if they are slow.
        slow_seconds: How long calls wait for the batch under way before they are executed beside it: waiting makes
            batches larger, but one connection that hangs must not hold up all calls.
        wait_seconds: How long a call waits for its batch to begin; None for any time. A call whose batch has begun
            waits for its outcome, which only `execute` knows.
        too_late: Makes the exception of a call that waited that long.
    """

    def __init__(
        self,
        execute: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        limit: int = 100,
        parallel: int = 3,
        slow_seconds: float = 0.05,
        wait_seconds: float | None = None,
        too_late: Callable[[], Exception] = TimeoutError,
    ) -> None:
        self._execute = execute
        self._limit = limit
        self._parallel = parallel
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._slow_seconds = slow_seconds
        self._wait_seconds = wait_seconds
        self._too_late = too_late
        self._runner: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def call(self, item: Item) -> Result:
        """Return the result of an item, executed in one of the next batches.

        A caller that is cancelled before its batch begins leaves it; otherwise the batch continues without the caller.
        """
        loop = asyncio.get_running_loop()
        call = _Call[Item, Result](item, loop.create_future())
        self._waiting.append(call)
        if self._runner is None:
            # The context of one caller, with its request id, must not be that of the others.
            self._runner = loop.create_task(self._run(), context=Context())
        if self._wait_seconds is None:
            return await call.outcome
        timer = loop.call_later(self._wait_seconds, lambda: call.give_up(self._too_late()))
        try:
            return await call.outcome
        finally:
            timer.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether no call waits, and no batch is being executed."""
        return self._runner is None and not self._answering

    async def _run(self) -> None:
        try:
            while self._waiting:
                if len(self._answering) >= self._parallel:
                    await asyncio.wait(self._answering, return_when=asyncio.FIRST_COMPLETED)
                    continue
                batch = asyncio.create_task(self._answer(self._next_batch()))
                self._answering.add(batch)
                batch.add_done_callback(self._answering.discard)
                await asyncio.wait([batch], timeout=self._slow_seconds)
        finally:
            self._runner = None

    def _next_batch(self) -> list[_Call[Item, Result]]:
        batch: list[_Call[Item, Result]] = []
        while self._waiting and len(batch) < self._limit:
            call = self._waiting.popleft()
            if not call.outcome.done():
                call.has_begun = True
                batch.append(call)
        return batch

    async def _answer(self, batch: Sequence[_Call[Item, Result]]) -> None:
        if not batch:  # all its callers were cancelled or gave up
            return
        try:
            results = await self._execute([call.item for call in batch])
            answers = list(zip(batch, results, strict=True))  # before any: a wrong number of results is nobody's
            for call, result in answers:
                call.end(result)
        except Exception as error:  # noqa: BLE001 - raised where the results are awaited
            for call in batch:
                call.end(error)
        finally:
            for call in batch:
                call.outcome.cancel()  # if the batch itself was cancelled: nobody may wait for ever


class KeyedBatcher(Generic[Item, Result]):
    """A batcher for each key that has calls: the calls of one key never wait for those of another.

    Args:
        create: Makes the batcher of a key.
    """

    def __init__(self, create: Callable[[], Batcher[Item, Result]]) -> None:
        self._create = create
        self._batchers: dict[Hashable, Batcher[Item, Result]] = {}

    async def call(self, key: Hashable, item: Item) -> Result:
        """Return the result of an item, executed in one of the key's next batches."""
        if key not in self._batchers:
            # A batch continues without its callers, so that only the batcher knows when it may be forgotten.
            self._batchers = {other: batcher for other, batcher in self._batchers.items() if not batcher.is_idle}
            self._batchers[key] = self._create()
        return await self._batchers[key].call(item)
