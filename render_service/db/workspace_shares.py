"""Keeps one workspace from using all connections: calls beyond its share wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class WorkspaceShares:
    """Limits what each workspace uses at a time.

    Args:
        limit: How many connections one workspace may use at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._gates: dict[str, tuple[asyncio.Semaphore, int]] = {}
        """By workspace: its semaphore, and how many calls hold it or wait for it."""

    @asynccontextmanager
    async def enter(self, workspace_id: str) -> AsyncIterator[None]:
        """Wait until the workspace uses less than its share; the block counts as one use."""
        gate, users = self._gates.get(workspace_id) or (asyncio.Semaphore(self._limit), 0)
        self._gates[workspace_id] = gate, users + 1
        try:
            async with gate:
                yield
        finally:
            gate, users = self._gates.pop(workspace_id)
            if users > 1:
                self._gates[workspace_id] = gate, users - 1
