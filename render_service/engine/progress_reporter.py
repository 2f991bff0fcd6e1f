"""Reports an attempt's progress: stored first, published after."""

import time
from collections.abc import Iterable

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.domain.jobs.job import JobStage, Lease
from render_service.domain.warning import JobWarning, distinct_warnings
from render_service.engine.leases import Holding, StopReason
from render_service.progress.publisher import Publisher
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_MIN_INTERVAL_SECONDS = 0.2
_HEARTBEAT_SECONDS = 20.0


class ProgressReporter:
    """Reports the progress of one attempt.

    Args:
        lifecycle: Stores progress.
        publisher: Publishes it.
        lease: The attempt's lease.
    """

    def __init__(self, lifecycle: JobLifecycle, publisher: Publisher, lease: Lease) -> None:
        self._lifecycle = lifecycle
        self._publisher = publisher
        self._lease = lease
        self._stage = JobStage.PREPARING
        self._percent = 0
        self._message = ""
        self._reported_at = 0.0
        self._warnings: tuple[JobWarning, ...] = ()
        self._stored_warnings: tuple[JobWarning, ...] = ()
        self.holding: Holding | None = None

    @property
    def warnings(self) -> tuple[JobWarning, ...]:
        """What viewers of the video may notice, as far as the attempt has met it."""
        return self._warnings

    async def warn(self, warnings: Iterable[JobWarning]) -> None:
        """Store and publish further warnings with the progress of now; what was warned of before is omitted.

        Raises:
            LeaseLost: this worker no longer holds the job.
        """
        self._warnings = distinct_warnings((*self._warnings, *warnings))
        if self._warnings != self._stored_warnings:
            await self.report(self._stage, self._percent, self._message)

    async def report(self, stage: JobStage, percent: float, message: str, *, alive: bool = False) -> None:
        """Store and publish progress; unchanged progress is omitted.

        While Postgres is unavailable nothing is reported: the work continues, and a later report catches up.

        Args:
            stage: The current stage.
            percent: 0–100; capped at 99, since 100 means finished. Never falls.
            message: A message for people.
            alive: Whether the work continues although nothing changes, as a provider may report. Such a heartbeat is
                stored periodically and keeps the job from being failed for lack of progress.

        Raises:
            LeaseLost: this worker no longer holds the job.
        """
        whole = max(self._percent, min(99, int(percent)))
        is_changed = stage is not self._stage or whole != self._percent or message != self._message
        warnings = self._warnings
        is_changed = is_changed or warnings != self._stored_warnings
        is_heartbeat = alive and time.monotonic() - self._reported_at >= _HEARTBEAT_SECONDS
        if not is_changed and not is_heartbeat:
            return
        try:
            stored = await self._lifecycle.report(
                self._lease,
                stage=stage,
                stage_changed=stage is not self._stage,
                progress=whole,
                message=message,
                alive=alive,
                warnings=warnings if warnings != self._stored_warnings else None,
            )
        except DatabaseUnavailable:
            _log.warning("progress not stored: the database is unavailable", stage=stage, progress=whole)
            return
        self._stage, self._percent, self._message = stage, whole, message
        self._stored_warnings = warnings
        self._reported_at = time.monotonic()
        await self._publisher.publish(stored.event)
        if stored.cancel_requested and self.holding is not None:
            self.holding.stop(StopReason.CANCELLED)

    async def report_every_frame(self, stage: JobStage, percent: float, message: str) -> None:
        """Report like `report`, rate-limited: for steps that report every frame."""
        if stage is not self._stage or time.monotonic() - self._reported_at >= _MIN_INTERVAL_SECONDS:
            await self.report(stage, percent, message)
