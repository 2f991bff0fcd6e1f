"""Reports an attempt's progress: stored first, published after."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle, LeaseLost, Report
from render_service.domain.jobs.job import JobStage, Lease
from render_service.domain.warning import JobWarning, distinct_warnings
from render_service.engine.leases import Holding, StopReason
from render_service.progress.publisher import Publisher
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_MIN_INTERVAL_SECONDS = 0.2
_RETRY_INTERVALS = 5  # between two attempts to store progress while Postgres is unavailable
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
    within an interval after the last report is merged into the next one. The last report is always stored, even if no
    other follows. Where the lease turns out to be lost or a cancel requested, the attempt is stopped.

    Args:
        lifecycle: Stores progress.
        publisher: Publishes it.
        lease: The attempt's lease.
        interval_seconds: The shortest time between two reports of the same stage.
    """

    def __init__(
        self,
        lifecycle: JobLifecycle,
        publisher: Publisher,
        lease: Lease,
        *,
        interval_seconds: float = _MIN_INTERVAL_SECONDS,
    ) -> None:
        self._lifecycle = lifecycle
        self._publisher = publisher
        self._lease = lease
        self._interval_seconds = interval_seconds
        self._current = self._stored = _Progress()
        self._alive = False
        self._stored_at = float("-inf")
        self._available = True
        self._turn = asyncio.Lock()
        self._storing: set[asyncio.Task[None]] = set()
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

        While Postgres is unavailable the work continues; the latest progress is stored once it is available. A caller
        that is cancelled leaves the report under way to be completed.

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
        if is_urgent or age >= self._interval_seconds:
            await self._store()
        else:
            self._ensure_stored_after(self._interval_seconds - age)

    async def aclose(self) -> None:
        """Report nothing more: the attempt ends, and its end says it all."""
        tasks = {*self._storing, *([self._later] if self._later is not None else [])}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ensure_stored_after(self, seconds: float) -> None:
        """Start the task that stores the latest progress after a pause, unless it runs."""
        if self._later is None or self._later.done():
            self._later = asyncio.create_task(self._store_later(seconds))

    async def _store_later(self, seconds: float) -> None:
        try:
            # Until nothing is left: a report that arrives while another is being stored relies on this task.
            while self._current != self._stored:
                await asyncio.sleep(seconds)
                await self._store()
                seconds = self._pause_seconds
        except LeaseLost:
            pass  # `_store_now` has stopped the attempt
        except Exception:  # noqa: BLE001 - nobody awaits this task, and progress alone must not fail an attempt
            _log.exception("progress not stored by a fault of the service")

    @property
    def _pause_seconds(self) -> float:
        return self._interval_seconds * (1 if self._available else _RETRY_INTERVALS)

    async def _store(self) -> None:
        # A task of its own: a cancelled caller must not interrupt a statement, whose outcome would then be unknown.
        task = asyncio.create_task(self._store_now())
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        await asyncio.shield(task)

    async def _store_now(self) -> None:
        try:
            report = await self._store_in_turn()
        except DatabaseUnavailable:
            if self._available:
                _log.warning("progress not stored: the database is unavailable", stage=self._current.stage)
            self._available = False
            self._ensure_stored_after(self._pause_seconds)
            return
        except LeaseLost:
            if self.holding is not None:
                self.holding.stop(StopReason.LEASE_LOST)
            raise
        self._available = True
        if report is None:
            return
        # Not within the turn: the next report need not wait for Redis. The publisher keeps the order of its calls.
        await self._publisher.publish(report.event)
        if report.cancel_requested and self.holding is not None:
            self.holding.stop(StopReason.CANCELLED)

    async def _store_in_turn(self) -> Report | None:
        """Store the progress of now; None if an earlier report has stored it meanwhile."""
        async with self._turn:
            progress, stored, alive = self._current, self._stored, self._alive
            if progress == stored and not alive:
                return None
            # Before the statement, since another heartbeat may arrive during it.
            self._alive = False
            try:
                report = await self._lifecycle.report(
                    self._lease,
                    stage=progress.stage,
                    progress=progress.percent,
                    message=progress.message,
                    alive=alive,
                    warnings=progress.warnings if progress.warnings != stored.warnings else None,
                )
            except BaseException:
                self._alive = self._alive or alive
                raise
            self._stored, self._stored_at = progress, time.monotonic()
            return report
