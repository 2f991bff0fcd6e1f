"""Runs jobs: claims one, works on it under its lease, and writes down how it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle, LeaseLost, UnreadableJob
from render_service.domain.errors import DomainError, ErrorReason, RenderFailure
from render_service.domain.jobs.job import JobError, JobEvent, JobStatus, Lease, ProviderName
from render_service.domain.machine_faults import is_machine_fault
from render_service.engine.attempt import AttemptContext, Outcome, run_attempt
from render_service.engine.leases import Holding, LeaseKeeper, StopReason
from render_service.engine.machine_gate import MachineGate
from render_service.engine.progress_reporter import ProgressReporter
from render_service.progress.publisher import Publisher
from render_service.providers.generator import Generator
from render_service.queue.broker import RENDER_QUEUE
from render_service.queue.dispatcher import Dispatcher
from render_service.telemetry.logging import bound_log_fields, get_logger
from render_service.telemetry.metrics.worker import ATTEMPTS, JOB_WAIT_SECONDS, SLOTS_BUSY
from render_service.telemetry.tracing.spans import Kind, Span, span
from render_service.telemetry.tracing.traceparent import read_traceparent

_log = get_logger(__name__)
_PAUSE_SECONDS = 0.5
# Long enough that the claims of one worker do not go round in what it cannot read.
_UNREADABLE_DELAY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class _End:
    """How an attempt ends: what is to be written down, and why it failed, if it did."""

    write: Callable[[], Awaitable[JobEvent]]
    error: JobError | None = None


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """How long a job may run in all, and how long it may stand still."""

    deadline: timedelta
    no_progress: timedelta


class JobRunner:
    """Runs the jobs of one worker process.

    Args:
        worker: Name of the worker, for people.
        slots: How many jobs run at a time.
        lifecycle: Changes jobs.
        publisher: Publishes events.
        dispatcher: Nudged when a job is due again.
        providers: The providers whose jobs to run.
        context: Services that attempts use.
        limits: How long a job may take.
        gate: Whether the machine can run jobs.
    """

    def __init__(
        self,
        *,
        worker: str,
        slots: int,
        lifecycle: JobLifecycle,
        publisher: Publisher,
        dispatcher: Dispatcher,
        providers: Mapping[ProviderName, Generator],
        context: AttemptContext,
        limits: RunnerLimits,
        gate: MachineGate,
    ) -> None:
        self._worker = worker
        self._slots = asyncio.Semaphore(slots)
        self._lifecycle = lifecycle
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._providers = providers
        self._context = context
        self._limits = limits
        self.gate = gate
        """Closed while the machine cannot run jobs."""
        self._keeper = LeaseKeeper(lifecycle, no_progress=limits.no_progress)
        self._running: set[asyncio.Task[object]] = set()
        self._draining = False
        self.hint_wasted = False
        """Whether a message was taken while draining: another worker must be notified of the job that is due."""

    async def keep_leases(self) -> None:
        """Renew leases until cancelled."""
        await self._keeper.run()

    @property
    def has_free_slot(self) -> bool:
        """Whether a job that is claimed now would run at once."""
        return not self._draining and self.gate.is_open and not self._slots.locked()

    async def run_next(self) -> bool:
        """Wait for a free slot, claim the next job, and run it to the end of this attempt.

        Called for a message. While Postgres is unavailable or the machine fails it waits, because the hint would be
        lost with the message.

        Returns:
            Whether a job was due.
        """
        current = asyncio.current_task()
        assert current is not None
        # Before the claim: a drain that begins meanwhile must wait for this job.
        self._running.add(current)
        try:
            async with self._slots:
                claim = await self._claim_for_hint()
                if claim is None:
                    return False
                await self._run_claimed(claim)
        finally:
            self._running.discard(current)
        return True

    async def start_next(self) -> bool:
        """Claim the next job and run it in its own task, then further jobs until none is due.

        Returns:
            Whether a job was started; False if none was due or no slot was free.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run_until_none_due(found))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await found

    async def run_unserved(self) -> None:
        """While all slots are busy, run the next job of a workspace that has none running, in addition to the slots.

        Returns once its attempt has ended, or at once where there is no such job. Cancelling the caller leaves the job
        to `drain`.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        if not self._slots.locked():
            return
        task = asyncio.create_task(self._run_unserved())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait((task,))
        task.result()

    async def _run_unserved(self) -> None:
        claim = await self._claim(unserved=True)
        if claim is not None:
            await self._run_claimed(claim)

    async def drain(self, grace: timedelta) -> None:
        """Claim nothing more; let running attempts continue for a while, then hand their jobs over."""
        self._draining = True
        if not self._running:
            return
        _log.info("draining", running=len(self._running), grace_seconds=grace.total_seconds())
        _, unfinished = await asyncio.wait(self._running, timeout=grace.total_seconds())
        if unfinished:
            self._keeper.stop_all(StopReason.SHUTDOWN)
            await asyncio.wait(unfinished, timeout=5)

    async def _run_until_none_due(self, found: "asyncio.Future[bool]") -> None:
        """Run due jobs one after the other; `found` receives whether there was a first, or why that is unknown."""
        try:
            if not self.has_free_slot:
                found.set_result(False)
                return
            while True:
                async with self._slots:
                    claim = await self._claim()
                    if not found.done():
                        found.set_result(claim is not None)
                    if claim is None:
                        return
                    await self._run_claimed(claim)
        except Exception as error:  # noqa: BLE001 - nobody awaits this task
            if not found.done():
                found.set_exception(error)
            elif not isinstance(error, DatabaseUnavailable):
                _log.error("a job was left by a fault of the service; its lease expires", exc_info=error)

    async def _claim(self, *, unserved: bool = False) -> Claim | None:
        while not self._draining and self.gate.is_open:
            try:
                return await self._lifecycle.claim(
                    worker=self._worker,
                    providers=list(self._providers),
                    speech_providers=self._context.speakers.providers,
                    abilities=self._context.abilities,
                    deadline=self._limits.deadline,
                    unserved=unserved,
                )
            except UnreadableJob as unreadable:
                await self._hand_back(unreadable)
        return None

    async def _hand_back(self, unreadable: UnreadableJob) -> None:
        """Leave a job to a newer worker; past its deadline, none has taken it, and it is FAILED."""
        lease, field = unreadable.lease, unreadable.field
        _log.warning("job handed back: a newer version started it", job_id=str(lease.job_id), field=field)
        error = JobError(
            ErrorReason.DEADLINE_EXCEEDED,
            f"{field}: the worker's version cannot read this part of the job;"
            " replace all workers with the version that started it",
            {"seconds": f"{self._limits.deadline.total_seconds():g}"},
        )
        await self._publisher.publish(unreadable.event)
        with suppress(LeaseLost):
            event = await self._write_down(
                lambda: self._lifecycle.end_attempt(
                    lease, error, retryable=True, counted=False, delay_at_least=_UNREADABLE_DELAY
                )
            )
            await self._publisher.publish(event)

    async def _claim_for_hint(self) -> Claim | None:
        complained = False
        while not self._draining:
            try:
                if self.gate.is_open:
                    return await self._claim()
            except DatabaseUnavailable:
                if not complained:
                    _log.warning("no job claimed: the database is unavailable")
                complained = True
            await asyncio.sleep(_PAUSE_SECONDS)
        self.hint_wasted = True
        return None

    async def _run_claimed(self, claim: Claim) -> None:
        """Run an attempt as part of its caller's trace, with its ids in every line of the log."""
        lease, parent = claim.lease, read_traceparent(claim.trace_parent)
        if lease.attempt == 1:
            JOB_WAIT_SECONDS.observe(claim.waited.total_seconds())
        fields = {"job_id": str(lease.job_id), "attempt": lease.attempt, "workspace_id": lease.workspace_id}
        attributes: dict[str, str | int | float] = {
            "messaging.system": "dramatiq",
            "messaging.operation.type": "process",
            "messaging.destination.name": RENDER_QUEUE,
            "render.job.id": str(lease.job_id),
            "render.workspace": lease.workspace_id,
            "render.attempt": lease.attempt,
            "render.provider": claim.provider,
            "render.waited_seconds": claim.waited.total_seconds(),
        }
        with (
            bound_log_fields(**fields, **({"trace_id": parent.trace_id} if parent else {})),
            span("render attempt", attributes, kind=Kind.CONSUMER, parent=parent) as recorded,
            SLOTS_BUSY.track_inprogress(),
        ):
            await self._run(claim, recorded)

    async def _run(self, claim: Claim, recorded: Span) -> None:
        lease = claim.lease
        _log.info("claimed", provider=claim.provider)
        await self._publisher.publish(claim.event)
        reporter = ProgressReporter(self._lifecycle, self._publisher, lease)
        attempt = asyncio.create_task(run_attempt(claim, self._providers[claim.provider], reporter, self._context))
        holding = reporter.holding = self._keeper.hold(lease, attempt)
        try:
            async with aclosing(reporter):
                end = await self._end_of(attempt, holding)
            event = await self._write_down(end.write)
        except LeaseLost:
            recorded.end_with("LEASE_LOST")
            ATTEMPTS.labels(claim.provider, "lost", "").inc()
            await self._after_loss(lease)
            return
        finally:
            self._keeper.drop(holding)
        reason = end.error.reason if end.error and event.status is not JobStatus.CANCELLED else None
        recorded.note({"render.status": event.status})
        recorded.end_with(reason)
        ATTEMPTS.labels(claim.provider, _outcome(event.status, end), reason or "").inc()
        _log.info("attempt ended", status=event.status, reason=event.error.reason if event.error else None)
        await self._publisher.publish(event)
        if not event.status.terminal:
            self._dispatcher.nudge()
        completed = event.status is JobStatus.COMPLETED
        if completed:
            self.gate.note_success()
        await self._context.discard(lease, range(1, lease.attempt if completed else lease.attempt + 1))

    async def _after_loss(self, lease: Lease) -> None:
        """Clean up after an attempt that may write no more."""
        try:
            completed = await self._lifecycle.was_completed_by(lease)
        except DatabaseUnavailable:
            completed = True  # Who does not know keeps the video: left over it costs space, missing it costs the job.
        if completed:
            _log.warning("the end may have been written, but the answer got lost")
            return
        _log.warning("lease lost; another attempt has the job")
        await self._context.discard(lease, (lease.attempt,))

    async def _end_of(self, attempt: "asyncio.Task[Outcome]", holding: Holding) -> _End:
        """Wait for an attempt, and return what its end calls for."""
        lease = holding.lease
        try:
            outcome = await attempt
        except asyncio.CancelledError:
            if not attempt.cancelled():
                # The task that waits for the attempt was cancelled, not the attempt.
                attempt.cancel()
                raise
            return self._end_of_stop(lease, holding.stopped)
        except LeaseLost:
            raise
        except Exception as fault:  # noqa: BLE001 - the job must not hang after any error
            if holding.stopped is not None:
                # An error while stopping is not the cause of the end.
                return self._end_of_stop(lease, holding.stopped)
            return await self._end_of_fault(lease, fault)
        return _End(lambda: self._lifecycle.complete(lease, outcome.raw_results, outcome.video, outcome.warnings))

    async def _end_of_fault(self, lease: Lease, fault: Exception) -> _End:
        if not isinstance(fault, DomainError):
            # A machine without disk space, memory or file descriptors is not the job's fault: another worker may have
            # them. If the exception does not show it, the machine is tested.
            counted = not is_machine_fault(fault) and await self.gate.passes_test()
            if not counted:
                self.gate.close()
            _log.error("attempt failed by a fault of the service", counted=counted, exc_info=fault)
            error = JobError(
                ErrorReason.INTERNAL, f"internal error in job {lease.job_id}; the operators can find it in the logs"
            )
            return _End(lambda: self._lifecycle.end_attempt(lease, error, retryable=True, counted=counted), error)
        retryable = fault.retryable if isinstance(fault, RenderFailure) else True
        _log.warning("attempt failed", reason=fault.reason, message=fault.message, retryable=retryable)
        error = JobError(fault.reason, fault.message, fault.metadata)
        # An unavailable store, or a machine that fails, is no fault of the job: it is retried until its deadline.
        worker_fault = isinstance(fault, RenderFailure) and fault.worker_fault
        if worker_fault:
            self.gate.close()
        counted = fault.reason is not ErrorReason.STORE_UNAVAILABLE and not worker_fault
        return _End(lambda: self._lifecycle.end_attempt(lease, error, retryable=retryable, counted=counted), error)

    def _end_of_stop(self, lease: Lease, reason: StopReason | None) -> _End:
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
                return _End(lambda: self._lifecycle.release(lease))
        return _End(lambda: self._lifecycle.end_attempt(lease, error, retryable=False), error)

    async def _write_down(self, write: Callable[[], Awaitable[JobEvent]]) -> JobEvent:
        """Write the end of an attempt; waits where Postgres is away: its restart must not cost hours of work."""
        while True:
            with suppress(DatabaseUnavailable):
                return await write()
            if self._draining:
                # Nobody waits for a process that is to end: the lease expires, and another attempt follows.
                raise LeaseLost
            await asyncio.sleep(_PAUSE_SECONDS)


def _outcome(status: JobStatus, end: _End) -> str:
    """Return an attempt's outcome as the metrics name it."""
    if status is JobStatus.PENDING:
        return "retried" if end.error else "handed_over"
    return status.lower()
