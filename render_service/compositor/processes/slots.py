"""Slots for tasks: first come first served, but everyone who has none gets one at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Waiting:
    owner: Hashable
    granted: "asyncio.Future[None]"


class Slots:
    """A number of slots, and one more for each owner that holds none.

    Args:
        count: How many are shared.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: Counter[Hashable] = Counter()
        self._waiting: list[_Waiting] = []

    @asynccontextmanager
    async def held(self, owner: Hashable) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        waiting = _Waiting(owner, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._grant()
        try:
            await waiting.granted
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            else:
                self._release(owner)
            raise
        try:
            yield
        finally:
            self._release(owner)

    def _release(self, owner: Hashable) -> None:
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        self._grant()

    def _grant(self) -> None:
        for waiting in tuple(self._waiting):
            if self._held.total() < self._count or not self._held[waiting.owner]:
                self._held[waiting.owner] += 1
                self._waiting.remove(waiting)
                # If it was cancelled meanwhile, the waiting task returns the slot.
                if not waiting.granted.done():
                    waiting.granted.set_result(None)
