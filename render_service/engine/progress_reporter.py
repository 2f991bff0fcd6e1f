"""Reports an attempt's progress: stored first, published after."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle, LeaseLost
from render_service.domain.jobs.job import JobStage, Lease
from render_service.domain.warning import JobWarning, distinct_warnings
from render_service.engine.leases import Holding, StopReason
from render_service.progress.publisher import Publisher
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_MIN_INTERVAL_SECONDS = 0.2
_HEARTBEAT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class _Progress:
    """What a report says."""

    stage: JobStage = JobStage.PREPARING
    percent: int = 0
    message: str = ""
    warnings: tuple[JobWarning, ...] = ()


class ProgressReporter:
    """Reports the progress of one attempt.

    Each report is a transaction. A new stage and a new warning are stored at once; of other progress, what changes
    within 0.2 s of the last report is merged into the next one.

    Args:
        lifecycle: Stores progress.
        publisher: Publishes it.
        lease: The attempt's lease.
    """

    def __init__(self, lifecycle: JobLifecycle, publisher: Publisher, lease: Lease) -> None:
        self._lifecycle = lifecycle
        self._publisher = publisher
        self._lease = lease
        self._current = self._stored = _Progress()
        self._alive = False
        self._stored_at = float("-inf")
        self._turn = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None
        self.holding: Holding | None = None

    @property
    def warnings(self) -> tuple[JobWarning, ...]:
        """What viewers of the video may notice, as far as the attempt has met it."""
        return self._current.warnings

    async def warn(self, warnings: Iterable[JobWarning]) -> None:
        """Store and publish further warnings with the progress of now; what was warned of before is omitted.

        Raises:
            LeaseLost: this worker no longer holds the job.
        """
        distinct = distinct_warnings((*self._current.warnings, *warnings))
        self._current = replace(self._current, warnings=distinct)
        if distinct != self._stored.warnings:
            await self._store()

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
        whole = max(self._current.percent, min(99, int(percent)))
        self._current = replace(self._current, stage=stage, percent=whole, message=message)
        age = time.monotonic() - self._stored_at
        if self._current == self._stored and not (alive and age >= _HEARTBEAT_SECONDS):
            return
        self._alive = self._alive or alive
        is_urgent = stage is not self._stored.stage or self._current.warnings != self._stored.warnings
        if is_urgent or age >= _MIN_INTERVAL_SECONDS:
            await self._store()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._store_later(_MIN_INTERVAL_SECONDS - age))

    async def aclose(self) -> None:
        """Report nothing more: the attempt ends, and its end says it all."""
        if self._later is not None:
            self._later.cancel()
            await asyncio.wait([self._later])

    async def _store_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            if self._current != self._stored:
                await self._store()
        except LeaseLost:
            if self.holding is not None:
                self.holding.stop(StopReason.LEASE_LOST)
        except Exception:  # noqa: BLE001 - nobody awaits this task, and progress alone must not fail an attempt
            _log.exception("progress not stored by a fault of the service")

    async def _store(self) -> None:
        async with self._turn:
            progress, stored, alive = self._current, self._stored, self._alive
            try:
                report = await self._lifecycle.report(
                    self._lease,
                    stage=progress.stage,
                    stage_changed=progress.stage is not stored.stage,
                    progress=progress.percent,
                    message=progress.message,
                    alive=alive,
                    warnings=progress.warnings if progress.warnings != stored.warnings else None,
                )
            except DatabaseUnavailable:
                _log.warning(
                    "progress not stored: the database is unavailable", stage=progress.stage, progress=progress.percent
                )
                return
            self._stored, self._alive, self._stored_at = progress, False, time.monotonic()
            await self._publisher.publish(report.event)
        if report.cancel_requested and self.holding is not None:
            self.holding.stop(StopReason.CANCELLED)
