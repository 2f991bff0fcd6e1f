"""A result that many callers wait for."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedResult(Generic[T]):
    """The result of work that continues when a caller leaves.

    Cheaper than `asyncio.shield` around one future, which adds two callbacks and one more turn of the event loop for
    each of a thousand callers.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[T]] = []

    async def wait(self) -> T:
        """Wait for the result. Call it before `end`.

        Raises:
            What the work raised.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    def end(self, result: T) -> None:
        """Return the result to every caller that still waits."""
        for future in self._waiting:
            if not future.done():
                future.set_result(result)
        self._waiting.clear()

    def fail(self, error: Exception) -> None:
        """Raise an error to every caller that still waits."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
