"""Prunes events too old to resume a watch from, a batch at a time."""

from datetime import timedelta

from render_service.db.jobs.workspace_events import WorkspaceEvents
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_BATCH = 1_000


class HistoryPruner:
    """Prunes the history of jobs that ended long ago.

    Args:
        events: The history.
        age: How long after its end a job's history is kept.
        interval_seconds: The mean time between two runs.
    """

    def __init__(self, events: WorkspaceEvents, *, age: timedelta, interval_seconds: float = 60.0) -> None:
        self._events = events
        self._age = age
        self._task = PeriodicTask("history pruner", interval_seconds=interval_seconds)

    async def run(self) -> None:
        """Prune until cancelled."""
        await self._task.run(self.prune)

    async def prune(self) -> None:
        """Prune once. Raises DatabaseUnavailable."""
        while pruned := await self._events.prune(age=self._age, batch=_BATCH):
            _log.info("pruned history", events=pruned)
