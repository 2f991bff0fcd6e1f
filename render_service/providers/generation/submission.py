"""Submits paid requests to a provider within its concurrency limit, and records each outcome first."""

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

from render_service.db.database import DatabaseUnavailable
from render_service.db.generation.generation_ledger import GenerationLedger, SlotRequest
from render_service.db.jobs.job_lifecycle import LeaseLost
from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, TaskFault, TaskState
from render_service.domain.jobs.job import Lease
from render_service.domain.retry import RetryPolicy
from render_service.providers.provider_api import ClipRequest, FaultKind, PaidApi, ProviderApi, ProviderFault
from render_service.telemetry.logging import get_logger

T = TypeVar("T")
Q = TypeVar("Q")

_log = get_logger(__name__)
_MIN_INTERVAL_SECONDS, _MAX_INTERVAL_SECONDS = 0.1, 1.0
_DATABASE_RETRY_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class _Submission(Generic[Q]):
    """A submission that waits for a slot, or whose request is in flight."""

    lease: Lease
    task_id: UUID
    request: Q
    refusals: int
    # The context of the job: one dispatcher sends for all jobs, and log lines and spans must name the right one.
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    outcome: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Submissions(Generic[Q]):
    """Submits requests to one provider, for all jobs of this process.

    All workers share the provider's slots through the ledger. A request in flight is never aborted: a cancelled caller
    waits until its outcome is recorded.

    Args:
        provider: The provider.
        ledger: Records submissions.
        retry: When a request is repeated under its key because its response was lost.
    """

    def __init__(self, provider: PaidApi[Q], ledger: GenerationLedger, retry: RetryPolicy) -> None:
        self.provider = provider
        self._ledger = ledger
        self._retry = retry
        self._waiting: dict[UUID, _Submission[Q]] = {}
        self._wake = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def submit(self, lease: Lease, task_id: UUID, request: Q, refusals: int) -> None:
        """Submit a request as soon as the provider has a free slot. Then its row is SUBMITTED, FAILED or UNKNOWN.

        Args:
            lease: The job's lease.
            task_id: The row of the ledger; WAITING.
            request: The prepared request.
            refusals: How often the provider has not accepted it so far.

        Raises:
            ProviderFault: BUSY or UNREACHABLE: the row is WAITING again. LOST: it is still INTENT; call `resubmit`.
            LeaseLost: this worker no longer holds the job.
        """
        submission = _Submission(lease, task_id, request, refusals)
        self._waiting[task_id] = submission
        self._wake.set()
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch())
        await self._outcome_of(submission)

    async def resubmit(self, lease: Lease, task_id: UUID, request: Q) -> None:
        """Submit a request again, under the same key, whose response was lost; raises as `submit`."""
        await self._ledger.repeat(lease, task_id)
        submission = _Submission(lease, task_id, request, 0)
        self._send(submission)
        await self._outcome_of(submission)

    def on_slot_freed(self) -> None:
        """Dispatch the next submission at once: a task has ended."""
        self._wake.set()

    async def close(self) -> None:
        """Wait until every submission in flight is recorded."""
        if self._dispatcher is not None:
            self._dispatcher.cancel()
        await asyncio.gather(*self._sending, *([self._dispatcher] if self._dispatcher else []), return_exceptions=True)

    async def _outcome_of(self, submission: _Submission[Q]) -> None:
        try:
            await asyncio.shield(submission.outcome)
        except asyncio.CancelledError:
            if self._waiting.pop(submission.task_id, None) is None:
                await asyncio.wait([submission.outcome])
                submission.outcome.exception()
            raise

    async def _dispatch(self) -> None:
        pause = _MIN_INTERVAL_SECONDS
        while self._waiting:
            self._wake.clear()
            requests = [SlotRequest(waiting.task_id, waiting.lease) for waiting in self._waiting.values()]
            try:
                granted = await self._ledger.grant(
                    self.provider.name,
                    self.provider.traits.concurrency,
                    requests,
                    per_minute=self.provider.traits.per_minute,
                )
            except DatabaseUnavailable:
                await asyncio.sleep(_DATABASE_RETRY_SECONDS)
                continue
            for request in requests:
                if request.task_id not in granted:
                    continue
                submission = self._waiting.pop(request.task_id, None)
                if submission is not None:
                    self._send(submission)
                else:
                    # Cancelled in the meantime.
                    with contextlib.suppress(LeaseLost, DatabaseUnavailable):
                        await self._ledger.put_back(request.lease, request.task_id, timedelta(0))
            pause = _MIN_INTERVAL_SECONDS if granted else min(_MAX_INTERVAL_SECONDS, pause * 2)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
                    pause = _MIN_INTERVAL_SECONDS

    def _send(self, submission: _Submission[Q]) -> None:
        task = asyncio.create_task(self._send_and_record(submission), context=submission.context)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_and_record(self, submission: _Submission[Q]) -> None:
        try:
            await self._send_until_known(submission)
        except BaseException as error:  # noqa: BLE001 - the waiter receives any error
            if not submission.outcome.done():
                submission.outcome.set_exception(
                    error
                    if isinstance(error, Exception)
                    else ProviderFault(FaultKind.LOST, "the worker stopped while it submitted")
                )
            # Retrieved, so that asyncio does not log it: nothing waits for it if the job has ended.
            submission.outcome.exception()
        else:
            submission.outcome.set_result(None)

    async def _send_until_known(self, submission: _Submission[Q]) -> None:
        failed = 0
        while True:
            try:
                external = await self.provider.submit(submission.request, submission.task_id)
            except ProviderFault as fault:
                if fault.kind is not FaultKind.LOST:
                    await self._record_refusal(submission, fault)
                    return
                failed += 1
                if not self.provider.traits.repeats_by_key:
                    await self._record_unknown(submission, fault)
                    return
                if self._retry.is_exhausted(failed):
                    raise
                await asyncio.sleep(self._retry.delay(failed, at_least=fault.retry_after).total_seconds())
                await self._ledger.repeat(submission.lease, submission.task_id)
            else:
                await self._record_submitted(submission, external)
                return

    async def _record_submitted(self, submission: _Submission[Q], external: ExternalTask) -> None:
        recorded = await written(lambda: self._ledger.submitted(submission.lease, submission.task_id, external))
        if recorded is None:
            _log.warning("another worker has submitted again", provider=self.provider.name, task=external.id)
            raise LeaseLost

    async def _record_refusal(self, submission: _Submission[Q], fault: ProviderFault) -> None:
        lease, task_id = submission.lease, submission.task_id
        if fault.kind in (FaultKind.BUSY, FaultKind.UNREACHABLE):
            delay = self._retry.delay(submission.refusals + 1, at_least=fault.retry_after)
            await written(lambda: self._ledger.put_back(lease, task_id, delay))
            raise fault
        refused = fault.kind is FaultKind.CONTENT
        reason = ErrorReason.CONTENT_REFUSED if refused else ErrorReason.PROVIDER_FAILED
        failed = TaskFault(reason, fault.message, fault.code)
        await written(lambda: self._ledger.settle(lease, task_id, TaskState.FAILED, failed))

    async def _record_unknown(self, submission: _Submission[Q], fault: ProviderFault) -> None:
        unknown = TaskFault(ErrorReason.SUBMIT_OUTCOME_UNKNOWN, fault.message, fault.code)
        await written(lambda: self._ledger.settle(submission.lease, submission.task_id, TaskState.UNKNOWN, unknown))


class ClipSubmissions(Submissions[ClipRequest]):
    """Submits clips to one provider; see `Submissions`.

    Args:
        api: The provider.
        ledger: Records submissions.
        retry: When a request is repeated under its key because its response was lost.
    """

    def __init__(self, api: ProviderApi, ledger: GenerationLedger, retry: RetryPolicy) -> None:
        super().__init__(api, ledger, retry)
        self.api = api


async def written(write: Callable[[], Awaitable[T]]) -> T:
    """Write until it succeeds: the outcome of a submission is known nowhere else."""
    while True:
        with contextlib.suppress(DatabaseUnavailable):
            return await write()
        await asyncio.sleep(_DATABASE_RETRY_SECONDS)
