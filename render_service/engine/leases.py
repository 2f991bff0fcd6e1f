"""Renews the leases of running attempts, and stops attempts that must not continue."""

import asyncio
from datetime import timedelta
from enum import Enum, auto

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle, Renewal
from render_service.domain.jobs.job import Lease
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class StopReason(Enum):
    """Why an attempt is stopped early."""

    LEASE_LOST = auto()
    CANCELLED = auto()
    PAST_DEADLINE = auto()
    NO_PROGRESS = auto()
    SHUTDOWN = auto()


class Holding:
    """A lease that is renewed while its attempt runs."""

    def __init__(self, lease: Lease, attempt: "asyncio.Task[object]") -> None:
        self.lease = lease
        self.stopped: StopReason | None = None
        self._attempt = attempt

    def stop(self, reason: StopReason) -> None:
        """Stop the attempt; the first reason counts."""
        if self.stopped is None:
            self.stopped = reason
            self._attempt.cancel()


class LeaseKeeper:
    """Renews all leases of a worker in one statement a second.

    Args:
        lifecycle: Renews leases.
        no_progress: Longest time without progress.
        interval_seconds: The time between two renewals; also the longest time until a cancel is noticed.
    """

    def __init__(self, lifecycle: JobLifecycle, *, no_progress: timedelta, interval_seconds: float = 1.0) -> None:
        self._lifecycle = lifecycle
        self._no_progress = no_progress
        self._interval_seconds = interval_seconds
        self._held: set[Holding] = set()
        self._holding = asyncio.Event()
        self._stopping: StopReason | None = None

    def hold(self, lease: Lease, attempt: "asyncio.Task[object]") -> Holding:
        """Renew a lease until it is dropped."""
        holding = Holding(lease, attempt)
        self._held.add(holding)
        self._holding.set()
        if self._stopping is not None:
            holding.stop(self._stopping)
        return holding

    def drop(self, holding: Holding) -> None:
        """Stop renewing a lease."""
        self._held.discard(holding)
        if not self._held:
            self._holding.clear()

    def stop_all(self, reason: StopReason) -> None:
        """Stop every attempt, including any that start later."""
        self._stopping = reason
        for holding in list(self._held):
            holding.stop(reason)

    async def run(self) -> None:
        """Renew until cancelled; idle while no lease is held."""
        while True:
            await self._holding.wait()
            await asyncio.sleep(self._interval_seconds)
            held = [holding for holding in self._held if holding.stopped is not StopReason.LEASE_LOST]
            if not held:
                continue
            try:
                renewed = await self._lifecycle.renew(
                    [holding.lease for holding in held], no_progress=self._no_progress
                )
            except DatabaseUnavailable:
                _log.warning("leases not renewed: the database is away", leases=len(held))
                continue
            for holding in held:
                reason = _reason_to_stop(renewed.get(holding.lease.token))
                # Dropped meanwhile: the attempt's last write released the lease.
                if reason is not None and holding in self._held:
                    holding.stop(reason)


def _reason_to_stop(renewal: Renewal | None) -> StopReason | None:
    if renewal is None:
        return StopReason.LEASE_LOST
    if renewal.cancel_requested:
        return StopReason.CANCELLED
    if renewal.past_deadline:
        return StopReason.PAST_DEADLINE
    if renewal.stuck:
        return StopReason.NO_PROGRESS
    return None
