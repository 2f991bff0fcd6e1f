"""Keeps a worker from taking jobs while its machine cannot run them."""

import asyncio
from collections.abc import Awaitable, Callable

from render_service.domain.errors import DomainError
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.worker import TAKES_JOBS

_log = get_logger(__name__)
_TEST_SECONDS = 60.0


class MachineGate:
    """Closes after a fault of the machine, and opens once a self-test passes.

    The first test follows at once, since one job may have used up what it then gave back. Each further fault without a
    completed job in between, and each test that fails, doubles the time to the next test.

    Args:
        test: Raises where the machine cannot run jobs; it must be cheap, and end when cancelled.
        first_delay_seconds: The time before the second test.
        longest_delay_seconds: The longest time before a test.
    """

    def __init__(
        self,
        test: Callable[[], Awaitable[object]],
        *,
        first_delay_seconds: float = 1.0,
        longest_delay_seconds: float = 15.0,
    ) -> None:
        self._test = test
        self._first_delay_seconds = first_delay_seconds
        self._longest_delay_seconds = longest_delay_seconds
        self._closed = asyncio.Event()
        self._faults = 0
        TAKES_JOBS.set(1)

    @property
    def is_open(self) -> bool:
        """Whether the worker may take jobs."""
        return not self._closed.is_set()

    def close(self) -> None:
        """Note a fault of the machine: take no jobs until a self-test passes."""
        if self.is_open:
            self._faults += 1
            self._closed.set()
            TAKES_JOBS.set(0)
            _log.warning("no jobs taken: the machine failed", faults=self._faults)

    def note_success(self) -> None:
        """Note a completed job: the next fault is tested for at once."""
        if self.is_open:
            self._faults = 0

    async def passes_test(self) -> bool:
        """Run the self-test, and return whether it passed."""
        try:
            async with asyncio.timeout(_TEST_SECONDS):
                await self._test()
        except (DomainError, OSError, MemoryError) as error:  # a time-out is an OSError
            _log.info("self-test failed", error=type(error).__name__, message=str(error))
            return False
        return True

    async def run(self) -> None:
        """Test and open until cancelled."""
        while True:
            await self._closed.wait()
            await asyncio.sleep(self._delay_seconds())
            if await self.passes_test():
                self._closed.clear()
                TAKES_JOBS.set(1)
                _log.info("jobs taken again: the self-test passed")
            else:
                self._faults += 1

    def _delay_seconds(self) -> float:
        if self._faults <= 1:
            return 0.0
        return min(self._longest_delay_seconds, self._first_delay_seconds * 2.0 ** min(self._faults - 2, 16))
