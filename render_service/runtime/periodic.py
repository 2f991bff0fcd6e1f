"""Background loops: work that is repeated at an interval, and at once when it is nudged."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from redis.exceptions import RedisError

from render_service.db.database import DatabaseUnavailable
from render_service.storage.errors import StorageUnavailable
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
UNAVAILABLE = (DatabaseUnavailable, StorageUnavailable, RedisError, ConnectionError, TimeoutError)
"""What a store that is unavailable raises. Everything else is a bug: it ends a loop, and with it the process."""


class PeriodicTask:
    """Repeats some work until cancelled. While a store is unavailable, it tries again at the next interval.

    The work is passed to `run`, not kept: the owner of the work keeps this object, and a cycle between them would leave
    both, and whatever they hold, to the garbage collector.

    Args:
        name: What the log calls it.
        interval_seconds: The mean time between the end of a run and the start of the next.
        jitter: Fraction of the interval, 0 to 1, by which each wait varies, so that many processes spread out.
        immediately: Whether the first run starts at once instead of after an interval.
    """

    def __init__(
        self,
        name: str,
        *,
        interval_seconds: float,
        jitter: float = 0.25,
        immediately: bool = False,
    ) -> None:
        self._name = name
        self._interval_seconds = interval_seconds
        self._jitter = jitter
        self._nudged = asyncio.Event()
        self._failing = False
        if immediately:
            self._nudged.set()

    def nudge(self) -> None:
        """Run now; if a run is under way, run again after it."""
        self._nudged.set()

    async def run(self, work: Callable[[], Awaitable[object]]) -> None:
        """Repeat the work until cancelled. Raises what the work raises, unless it means that a store is unavailable.

        Args:
            work: Runs once; raises DatabaseUnavailable, StorageUnavailable or RedisError while a store is unavailable.
        """
        while True:
            await self._wait()
            try:
                await work()
            except UNAVAILABLE as error:
                self._note_failure(error)
            else:
                self._note_success()

    async def _wait(self) -> None:
        spread = random.uniform(1 - self._jitter, 1 + self._jitter)  # noqa: S311 - not for cryptography
        # Not wait_for, which until Python 3.12 loses a cancellation that coincides with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval_seconds * spread):
                await self._nudged.wait()
        self._nudged.clear()

    def _note_failure(self, error: Exception) -> None:
        if not self._failing:
            _log.warning("background task waits for a store", task=self._name, error=type(error).__name__)
        self._failing = True

    def _note_success(self) -> None:
        if self._failing:
            _log.info("background task runs again", task=self._name)
        self._failing = False
