"""A slot beyond a worker's own, for workspaces that have no job running: no workspace can take all slots for itself."""

from render_service.engine.runner import JobRunner
from render_service.runtime.periodic import PeriodicTask

_INTERVAL_SECONDS = 0.5


class ReservedSlot:
    """Runs one more job while all slots of the worker are busy, provided that its workspace has none running.

    It polls Postgres, since a message that it took could be missed by a worker that is idle.

    Args:
        runner: Runs the jobs of the worker.
    """

    def __init__(self, runner: JobRunner) -> None:
        self._runner = runner
        self._periodic = PeriodicTask("reserved slot", interval_seconds=_INTERVAL_SECONDS)

    async def run(self) -> None:
        """Serve workspaces until cancelled; a job that runs then is left to the drain of the runner."""
        await self._periodic.run(self._runner.run_unserved)
