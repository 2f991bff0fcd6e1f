"""Sends items in the background: those of one moment together, in order, without delaying the caller that adds them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from render_service.runtime.periodic import UNAVAILABLE
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
Item = TypeVar("Item")


class BatchSender(Generic[Item]):
    """Sends what was added while the batch before was being sent.

    Args:
        send: Sends a batch. What it raises is logged, and the batches that follow are sent all the same.
        failure: What the log says of a batch that was not sent.
    """

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[None]], *, failure: str) -> None:
        self._send = send
        self._failure = failure
        self._unsent: list[Item] = []
        self._sending: asyncio.Task[None] | None = None

    def add(self, item: Item) -> None:
        """Send an item with those of the same moment, without waiting for it."""
        self._unsent.append(item)
        if self._sending is None:
            # The context of one call, with its request id, must not be that of the others.
            self._sending = asyncio.get_running_loop().create_task(self._send_unsent(), context=Context())

    async def close(self, *, timeout_seconds: float) -> None:
        """Wait for what is being sent.

        Args:
            timeout_seconds: The longest time to wait; the rest is not sent.
        """
        if self._sending is None:
            return
        _, unfinished = await asyncio.wait([self._sending], timeout=timeout_seconds)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def _send_unsent(self) -> None:
        try:
            while self._unsent:
                batch, self._unsent = self._unsent, []
                try:
                    await self._send(batch)
                except UNAVAILABLE as error:
                    _log.warning(self._failure, items=len(batch), error=type(error).__name__)
                except Exception as error:  # noqa: BLE001 - the items that follow are of other callers
                    _log.error(self._failure, items=len(batch), exc_info=error)
        finally:
            self._sending = None
