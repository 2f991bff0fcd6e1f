"""Reads a job's history once for all watchers that want it at the same time.

When a job ends or a subscription is lost, all watchers of the job read it at the same time. A caller that asks during a
read waits for the next one, which begins after the call: no result is older than its request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")


class SharedReads(Generic[T]):
    """Gathers the reads of each job: at most one is under way and one waits.

    Args:
        read: Reads a job and what came after a sequence.
    """

    def __init__(self, read: Callable[[UUID, int], Awaitable[T]]) -> None:
        self._read = read
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._waiting: dict[UUID, _Gathered[T]] = {}

    async def read(self, job_id: UUID, after_sequence: int) -> T:
        """Return what `read` returns for this sequence, or for a lesser one.

        Raises:
            What `read` raises, to all who share it.
        """
        gathered = self._waiting.get(job_id)
        if gathered is None:
            gathered = self._waiting[job_id] = _Gathered(after_sequence)
            if job_id not in self._running:
                self._running[job_id] = asyncio.create_task(self._run(job_id))
        gathered.after_sequence = min(gathered.after_sequence, after_sequence)
        # The read continues for the other callers if this one leaves.
        return await asyncio.shield(gathered.outcome)

    async def _run(self, job_id: UUID) -> None:
        try:
            while (gathered := self._waiting.pop(job_id, None)) is not None:
                await self._answer(job_id, gathered)
        finally:
            del self._running[job_id]

    async def _answer(self, job_id: UUID, gathered: "_Gathered[T]") -> None:
        try:
            found = await self._read(job_id, gathered.after_sequence)
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            gathered.outcome.set_exception(error)
            gathered.outcome.exception()  # nobody may be left to see it
        else:
            gathered.outcome.set_result(found)


class _Gathered(Generic[T]):
    __slots__ = ("after_sequence", "outcome")

    def __init__(self, after_sequence: int) -> None:
        self.after_sequence = after_sequence
        self.outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
