"""Reads a job's history once for all watchers that want it at the same time.

When many watches are opened, a job ends or a subscription is lost, all watchers of the job read it at the same time. A
caller that asks during a read waits for the next one, which begins after the call: no result is older than its request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from uuid import UUID

from render_service.progress.shared_result import SharedResult

_GATHER_SECONDS = 0.005
T = TypeVar("T")


class SharedReads(Generic[T]):
    """Gathers the reads of each job: at most one is under way and one waits.

    The next read begins a few milliseconds after the last one, so that a burst of callers needs few reads. Only callers
    that asked during a read wait for it.

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
        return await gathered.result.wait()

    async def _run(self, job_id: UUID) -> None:
        try:
            while (gathered := self._waiting.pop(job_id, None)) is not None:
                await self._answer(job_id, gathered)
                if job_id in self._waiting:
                    await asyncio.sleep(_GATHER_SECONDS)
        finally:
            del self._running[job_id]

    async def _answer(self, job_id: UUID, gathered: "_Gathered[T]") -> None:
        try:
            found = await self._read(job_id, gathered.after_sequence)
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            gathered.result.fail(error)
        else:
            gathered.result.end(found)


class _Gathered(Generic[T]):
    __slots__ = ("after_sequence", "result")

    def __init__(self, after_sequence: int) -> None:
        self.after_sequence = after_sequence
        self.result = SharedResult[T]()
