"""Background tasks of a process: they run as long as it serves, and a failed one stops it."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class TaskFailed(Exception):
    """A background task failed; the process must exit with an error."""


class BackgroundTasks:
    """Runs tasks until the end of the block. A failed task stops the process, and its supervisor restarts it.

    Unlike `asyncio.TaskGroup`, it lets the process shut down in order: a failure sets `stop` and cancels nothing.

    Args:
        stop: Set when a task fails.

    Raises:
        TaskFailed: at the end of the block, if a task failed.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Start a task, which the end of the block cancels."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._check)
        self._tasks.append(task)

    def _check(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.critical("background task failed; stopping", task=task.get_name(), exc_info=task.exception())
            self._stop.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in self._tasks:
            if not task.cancelled() and (fault := task.exception()) is not None and error is None:
                raise TaskFailed(task.get_name()) from fault
