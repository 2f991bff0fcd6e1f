"""Ends processes that have been without work for a while."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class IdleTimer:
    """Ends idle processes some time after their last work.

    Args:
        end_idle: Ends them.
        seconds: How long they are kept.
    """

    def __init__(self, end_idle: Callable[[], None], seconds: float) -> None:
        self._end_idle = end_idle
        self._seconds = seconds
        self._working = 0
        self._timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """End no processes until the next work has ended."""
        if self._timer is not None:
            self._timer.cancel()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a piece of work; after the last, the processes end unless another follows in time."""
        self._working += 1
        self.cancel()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end_idle)
