"""Runs jobs: claims one, works on it under its lease, and writes down how it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from render_service.db.database import DatabaseUnavailable
from render_service.db.transitions import Claim, LeaseLost, Transitions
from render_service.domain.errors import DomainError, ErrorReason, RenderFailure
from render_service.domain.job import JobError, JobEvent, Lease, ProviderName
from render_service.engine.attempt import AttemptRoom, Outcome, run_attempt
from render_service.engine.leases import Holding, LeaseKeeper, StopReason
from render_service.engine.reporter import Reporter
from render_service.progress.publisher import Publisher
from render_service.providers.provider import Provider
from render_service.queue.dispatcher import Dispatcher
from render_service.telemetry import get_logger

_log = get_logger(__name__)
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """How long a job may run in all, and how long it may stand still."""

    deadline: timedelta
    no_progress: timedelta


class JobRunner:
    """Runs the jobs of one worker process.

    Args:
        worker: Name of the worker, for people.
        transitions: Changes jobs.
        publisher: Tells watchers.
        dispatcher: Is nudged where a job waits again.
        providers: Who can make pictures.
        room: What an attempt works with.
        limits: How long a job may take.
    """

    def __init__(
        self,
        *,
        worker: str,
        transitions: Transitions,
        publisher: Publisher,
        dispatcher: Dispatcher,
        providers: Mapping[ProviderName, Provider],
        room: AttemptRoom,
        limits: RunnerLimits,
    ) -> None:
        self._worker = worker
        self._transitions = transitions
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._providers = providers
        self._room = room
        self._limits = limits
        self._keeper = LeaseKeeper(transitions, no_progress=limits.no_progress)
        self._running: set[asyncio.Task[object]] = set()
        self._draining = False

    async def keep_leases(self) -> None:
        """Renew leases until cancelled."""
        await self._keeper.run()

    async def run_next(self) -> bool:
        """Claim the job that has waited longest and run it to the end of this attempt.

        Returns:
            Whether there was one.
        """
        if self._draining:
            return False
        try:
            claim = await self._transitions.claim(
                worker=self._worker, providers=list(self._providers), deadline=self._limits.deadline
            )
        except DatabaseUnavailable:
            _log.warning("no job claimed: the database is away")
            return False
        if claim is None:
            return False
        current = asyncio.current_task()
        if current is not None:
            self._running.add(current)
        try:
            with structlog.contextvars.bound_contextvars(
                job_id=str(claim.lease.job_id), attempt=claim.lease.attempt, workspace_id=claim.lease.workspace_id
            ):
                await self._run(claim)
        finally:
            if current is not None:
                self._running.discard(current)
        return True

    async def drain(self, grace: timedelta) -> None:
        """Claim nothing more; let running attempts go on for a while, then hand their jobs over."""
        self._draining = True
        if not self._running:
            return
        _log.info("draining", running=len(self._running), grace_seconds=grace.total_seconds())
        _, unfinished = await asyncio.wait(self._running, timeout=grace.total_seconds())
        if unfinished:
            self._keeper.stop_all(StopReason.SHUTDOWN)
            await asyncio.wait(unfinished, timeout=5)

    async def _run(self, claim: Claim) -> None:
        _log.info("claimed", provider=claim.provider)
        await self._publisher.publish(claim.event)
        reporter = Reporter(self._transitions, self._publisher, claim.lease)
        attempt = asyncio.create_task(run_attempt(claim, self._providers[claim.provider], reporter, self._room))
        holding = reporter.holding = self._keeper.hold(claim.lease, attempt)
        try:
            end = await self._end_of(attempt, holding)
            event = await self._write_down(end)
        except LeaseLost:
            _log.warning("lease lost; another attempt has the job")
            await self._room.discard(claim.lease)
            return
        finally:
            self._keeper.drop(holding)
        _log.info("attempt ended", status=event.status, reason=event.error.reason if event.error else None)
        await self._publisher.publish(event)
        if not event.status.terminal:
            self._dispatcher.nudge()
        await self._room.discard(claim.lease, but_this=event.status.terminal and event.error is None)

    async def _end_of(self, attempt: "asyncio.Task[Outcome]", holding: Holding) -> Callable[[], Awaitable[JobEvent]]:
        """Wait for an attempt, and return the write that its end calls for."""
        lease = holding.lease
        try:
            outcome = await attempt
        except asyncio.CancelledError:
            if not attempt.cancelled():
                # Not the attempt was cancelled but whoever waits for it.
                attempt.cancel()
                raise
            return self._write_of_stop(lease, holding.stopped)
        except LeaseLost:
            raise
        except RenderFailure as failure:
            error, retryable = JobError(failure.reason, failure.message, failure.metadata), failure.retryable
            _log.warning("attempt failed", reason=failure.reason, message=failure.message, retryable=retryable)
        except DomainError as refusal:
            error, retryable = JobError(refusal.reason, refusal.message, refusal.metadata), True
            _log.warning("attempt failed", reason=refusal.reason, message=refusal.message, retryable=True)
        except Exception:  # noqa: BLE001 - whatever goes wrong, the job must not hang
            error, retryable = JobError(ErrorReason.INTERNAL, "an internal fault; the operators were told"), True
            _log.exception("attempt failed by a fault of the service")
        else:
            return lambda: self._transitions.complete(lease, outcome.raw_results, outcome.video)
        return lambda: self._transitions.end_attempt(lease, error, retryable=retryable)

    def _write_of_stop(self, lease: Lease, reason: StopReason | None) -> Callable[[], Awaitable[JobEvent]]:
        match reason:
            case StopReason.LEASE_LOST:
                raise LeaseLost
            case StopReason.PAST_DEADLINE:
                seconds = f"{self._limits.deadline.total_seconds():g}"
                error = JobError(
                    ErrorReason.DEADLINE_EXCEEDED, f"the job did not end within {seconds} s", {"seconds": seconds}
                )
            case StopReason.NO_PROGRESS:
                seconds = f"{self._limits.no_progress.total_seconds():g}"
                error = JobError(
                    ErrorReason.NO_PROGRESS, f"the job made no progress for {seconds} s", {"seconds": seconds}
                )
            case _:
                # CANCELLED and SHUTDOWN: releasing a job that is to be cancelled cancels it.
                return lambda: self._transitions.release(lease)
        return lambda: self._transitions.end_attempt(lease, error, retryable=False)

    async def _write_down(self, write: Callable[[], Awaitable[JobEvent]]) -> JobEvent:
        """Write the end of an attempt; waits where Postgres is away: its restart must not cost hours of work."""
        while True:
            with suppress(DatabaseUnavailable):
                return await write()
            if self._draining:
                # Nobody waits for a process that is to end: the lease expires, and another attempt follows.
                raise LeaseLost
            await asyncio.sleep(_PAUSE_SECONDS)
