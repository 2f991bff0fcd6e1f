"""Reports an attempt's progress: stored first, published after."""

import time

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.domain.jobs.job import JobStage, Lease
from render_service.engine.leases import Holding, StopReason
from render_service.progress.publisher import Publisher
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_LEAST_SECONDS_BETWEEN = 0.2
_SECONDS_BETWEEN_SIGNS = 20.0


class ProgressReporter:
    """Tells the progress of one attempt.

    Args:
        transitions: Stores progress.
        publisher: Publishes it.
        lease: The attempt's lease.
    """

    def __init__(self, transitions: JobLifecycle, publisher: Publisher, lease: Lease) -> None:
        self._transitions = transitions
        self._publisher = publisher
        self._lease = lease
        self._stage = JobStage.PREPARING
        self._percent = 0
        self._message = ""
        self._told_at = 0.0
        self.holding: Holding | None = None

    async def tell(self, stage: JobStage, percent: float, message: str, *, alive: bool = False) -> None:
        """Store and publish progress; what is no news is left out.

        While Postgres is away nothing is told: the work goes on, and a later report tells what it has come to.

        Args:
            stage: What the attempt is busy with.
            percent: 0–100; told as at most 99, since 100 is the end. Never falls.
            message: In words what happens.
            alive: Whether the work goes on although nothing changes, as with a provider that has said so. Told now and
                then even if it is no news, and keeps the job from being ended for lack of progress.

        Raises:
            LeaseLost: the job is not this worker's any more.
        """
        whole = max(self._percent, min(99, int(percent)))
        is_news = stage is not self._stage or whole != self._percent or message != self._message
        is_sign = alive and time.monotonic() - self._told_at >= _SECONDS_BETWEEN_SIGNS
        if not is_news and not is_sign:
            return
        try:
            report = await self._transitions.report(
                self._lease,
                stage=stage,
                stage_changed=stage is not self._stage,
                progress=whole,
                message=message,
                alive=alive,
            )
        except DatabaseUnavailable:
            _log.warning("progress not stored: the database is away", stage=stage, progress=whole)
            return
        self._stage, self._percent, self._message = stage, whole, message
        self._told_at = time.monotonic()
        await self._publisher.publish(report.event)
        if report.cancel_requested and self.holding is not None:
            self.holding.stop(StopReason.CANCELLED)

    async def tell_now_and_then(self, stage: JobStage, percent: float, message: str) -> None:
        """Do as `tell`, but not too often: for steps that report at every frame."""
        if stage is not self._stage or time.monotonic() - self._told_at >= _LEAST_SECONDS_BETWEEN:
            await self.tell(stage, percent, message)
