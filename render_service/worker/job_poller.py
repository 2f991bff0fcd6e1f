"""Polls Postgres for due jobs, so that jobs start even if no message about them arrives."""

from render_service.engine.runner import JobRunner
from render_service.runtime.periodic import PeriodicTask


class JobPoller:
    """Starts due jobs whenever a slot of the worker is free.

    A message over Redis only makes a job start sooner: Redis may be unavailable, full, slow or have lost its data.

    Args:
        runner: Claims and runs jobs.
        interval_seconds: The mean time between two polls. A poll of an idle worker costs one claim that finds nothing.
    """

    def __init__(self, runner: JobRunner, *, interval_seconds: float = 5.0) -> None:
        self._runner = runner
        self._task = PeriodicTask("job poller", interval_seconds=interval_seconds, immediately=True)

    async def run(self) -> None:
        """Poll until cancelled. Jobs that were started continue."""
        await self._task.run(self.poll)

    async def poll(self) -> None:
        """Start due jobs until no slot is free or no job is due.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        while self._runner.has_free_slot and await self._runner.start_next():
            pass
