"""Callers that wait at the same time share one statement.

A statement costs most of its processor time, and its round trip, whatever the number of rows. Under load, the calls
that arrive while a batch is being executed are the next batch: nobody waits for a batch to fill, and a call that comes
alone is executed at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Gathers the items of concurrent calls into batches.

    Args:
        execute: Returns the results of a batch, in its order. A result that is an exception is raised to its caller;
            what `execute` raises itself is raised to every caller of the batch.
        limit: The most items of a batch.
        parallel: How many batches are executed at a time, if they are slow.
        slow_seconds: How long calls wait for the batch under way before they are executed beside it: waiting makes
            batches larger, but one connection that hangs must not hold up all calls.
    """

    def __init__(
        self,
        execute: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        limit: int = 100,
        parallel: int = 3,
        slow_seconds: float = 0.05,
    ) -> None:
        self._execute = execute
        self._limit = limit
        self._parallel = parallel
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._slow_seconds = slow_seconds
        self._runner: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def call(self, item: Item) -> Result:
        """Return the result of an item, executed in one of the next batches.

        A caller that is cancelled before its batch begins leaves it; otherwise the batch continues without the caller.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, outcome))
        if self._runner is None:
            # The context of one caller, with its request id, must not be that of the others.
            self._runner = loop.create_task(self._run(), context=Context())
        return await outcome

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

    def _next_batch(self) -> list[tuple[Item, "asyncio.Future[Result]"]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._waiting and len(batch) < self._limit:
            item, outcome = self._waiting.popleft()
            if not outcome.done():
                batch.append((item, outcome))
        return batch

    async def _answer(self, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        if not batch:  # all its callers were cancelled
            return
        results: Sequence[Result | Exception]
        try:
            results = await self._execute([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - raised where the results are awaited
            results = [error] * len(batch)
        for (_, outcome), result in zip(batch, results, strict=True):
            if outcome.done():
                continue
            if isinstance(result, Exception):
                outcome.set_exception(result)
            else:
                outcome.set_result(result)
