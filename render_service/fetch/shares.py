"""Concurrency limits for each workspace: one that uses up its own share delays no other."""

import asyncio
from weakref import WeakValueDictionary


class Shares:
    """A semaphore for each workspace, kept only while it is in use.

    Args:
        limit: How many may be held at a time for one workspace; > 0.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._semaphores: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, workspace_id: str) -> asyncio.Semaphore:
        """Return the semaphore of a workspace. Keep a reference to it until it is released."""
        semaphore = self._semaphores.get(workspace_id)
        if semaphore is None:
            semaphore = asyncio.Semaphore(self._limit)
            self._semaphores[workspace_id] = semaphore
        return semaphore
