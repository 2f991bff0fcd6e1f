"""Submits clips to a provider within its concurrency limit, and records each outcome first."""

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from render_service.db.database import DatabaseUnavailable
from render_service.db.generation.generation_ledger import Asking, GenerationLedger
from render_service.db.jobs.job_lifecycle import LeaseLost
from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, TaskFault, TaskState
from render_service.domain.jobs.job import Lease
from render_service.providers.generation.retry_policy import ProviderRetryPolicy
from render_service.providers.provider_api import ClipRequest, FaultKind, ProviderApi, ProviderFault
from render_service.telemetry.logging import get_logger

T = TypeVar("T")

_log = get_logger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_PAUSE_WITHOUT_DATABASE = 1.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """A submission that waits for capacity."""

    lease: Lease
    task_id: UUID
    request: ClipRequest
    refusals: int
    # Of the job that waits: the task that sends orders serves all jobs, and lines and spans must name the right one.
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    answered: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Submissions:
    """Submits clips to one provider, for all jobs of this process.

    Places at the provider are shared by all workers through the ledger. An order on its way is never broken off:
    whoever is cancelled meanwhile waits until it is written down what became of it.

    Args:
        provider: The provider.
        ledger: Where orders are written down.
        retry_policy: How often a submission is repeated under its key where the answer got lost.
    """

    def __init__(self, provider: ProviderApi, ledger: GenerationLedger, retry_policy: ProviderRetryPolicy) -> None:
        self.provider = provider
        self._ledger = ledger
        self._retry_policy = retry_policy
        self._waiting: dict[UUID, _Waiting] = {}
        self._news = asyncio.Event()
        self._granter: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def place(self, lease: Lease, task_id: UUID, request: ClipRequest, refusals: int) -> None:
        """Submit a clip when capacity allows.

        Args:
            lease: The job's.
            task_id: The ledger's row, which is WAITING.
            request: The order, prepared.
            refusals: How often it was put back so far.

        Returns:
            When the row is SUBMITTED, FAILED or UNKNOWN.

        Raises:
            ProviderFault: BUSY or UNREACHABLE: the row is WAITING again. LOST: it is INTENT still, and can be repeated.
            LeaseLost: this worker no longer holds the job.
        """
        waiting = _Waiting(lease, task_id, request, refusals)
        self._waiting[task_id] = waiting
        self._news.set()
        if self._granter is None or self._granter.done():
            self._granter = asyncio.create_task(self._grant())
        await self._until_answered(waiting)

    async def repeat(self, lease: Lease, task_id: UUID, request: ClipRequest) -> None:
        """Send an order again whose answer was never heard, under the same key; see `place`."""
        await self._ledger.repeat(lease, task_id)
        waiting = _Waiting(lease, task_id, request, 0)
        self._send(waiting)
        await self._until_answered(waiting)

    def freed(self) -> None:
        """Notify the dispatcher that capacity is free."""
        self._news.set()

    async def close(self) -> None:
        """Wait until every submission in flight is recorded."""
        if self._granter is not None:
            self._granter.cancel()
        await asyncio.gather(*self._sending, *([self._granter] if self._granter else []), return_exceptions=True)

    async def _until_answered(self, waiting: _Waiting) -> None:
        try:
            await asyncio.shield(waiting.answered)
        except asyncio.CancelledError:
            if self._waiting.pop(waiting.task_id, None) is None:
                await asyncio.wait([waiting.answered])
                waiting.answered.exception()
            raise

    async def _grant(self) -> None:
        pause = _FIRST_PAUSE
        while self._waiting:
            self._news.clear()
            asking = [Asking(waiting.task_id, waiting.lease) for waiting in self._waiting.values()]
            try:
                granted = await self._ledger.grant(self.provider.name, self.provider.traits.concurrency, asking)
            except DatabaseUnavailable:
                await asyncio.sleep(_PAUSE_WITHOUT_DATABASE)
                continue
            for one in asking:
                if one.task_id not in granted:
                    continue
                waiting = self._waiting.pop(one.task_id, None)
                if waiting is not None:
                    self._send(waiting)
                else:
                    # Cancelled while its turn came.
                    with contextlib.suppress(LeaseLost, DatabaseUnavailable):
                        await self._ledger.put_back(one.lease, one.task_id, timedelta(0))
            pause = _FIRST_PAUSE if granted else min(_LONGEST_PAUSE, pause * 2)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()
                    pause = _FIRST_PAUSE

    def _send(self, waiting: _Waiting) -> None:
        task = asyncio.create_task(self._send_and_note(waiting), context=waiting.context)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_and_note(self, waiting: _Waiting) -> None:
        try:
            await self._send_until_known(waiting)
        except BaseException as error:  # noqa: BLE001 - the waiter receives any error
            if not waiting.answered.done():
                waiting.answered.set_exception(
                    error if isinstance(error, Exception) else ProviderFault(FaultKind.LOST, "stopped while ordering")
                )
            # The waiter reads it; there is none if the job is gone.
            waiting.answered.exception()
        else:
            waiting.answered.set_result(None)

    async def _send_until_known(self, waiting: _Waiting) -> None:
        failed = 0
        while True:
            try:
                external = await self.provider.submit(waiting.request, waiting.task_id)
            except ProviderFault as fault:
                if fault.kind is not FaultKind.LOST:
                    await self._note_refusal(waiting, fault)
                    return
                failed += 1
                if not self.provider.traits.repeats_by_key:
                    await self._note_unknown(waiting, fault)
                    return
                if failed > self._retry_policy.attempts:
                    raise
                await asyncio.sleep(self._retry_policy.backoff(failed, fault.retry_after).total_seconds())
                await self._ledger.repeat(waiting.lease, waiting.task_id)
            else:
                await self._note_submitted(waiting, external)
                return

    async def _note_submitted(self, waiting: _Waiting, external: ExternalTask) -> None:
        noted = await _written(lambda: self._ledger.submitted(waiting.lease, waiting.task_id, external))
        if noted is None:
            _log.warning("an order was repeated by another worker", provider=self.provider.name, task=external.id)
            raise LeaseLost

    async def _note_refusal(self, waiting: _Waiting, fault: ProviderFault) -> None:
        lease, task_id = waiting.lease, waiting.task_id
        if fault.kind in (FaultKind.BUSY, FaultKind.UNREACHABLE):
            wait = self._retry_policy.backoff(waiting.refusals + 1, fault.retry_after)
            await _written(lambda: self._ledger.put_back(lease, task_id, wait))
            raise fault
        refused = fault.kind is FaultKind.CONTENT
        reason = ErrorReason.CONTENT_REFUSED if refused else ErrorReason.PROVIDER_FAILED
        failed = TaskFault(reason, fault.message, fault.code)
        await _written(lambda: self._ledger.settle(lease, task_id, TaskState.FAILED, failed))

    async def _note_unknown(self, waiting: _Waiting, fault: ProviderFault) -> None:
        unknown = TaskFault(ErrorReason.SUBMIT_OUTCOME_UNKNOWN, fault.message, fault.code)
        await _written(lambda: self._ledger.settle(waiting.lease, waiting.task_id, TaskState.UNKNOWN, unknown))


async def _written(write: Callable[[], Awaitable[T]]) -> T:
    """Write for as long as it takes: what became of an order is known nowhere else."""
    while True:
        with contextlib.suppress(DatabaseUnavailable):
            return await write()
        await asyncio.sleep(_PAUSE_WITHOUT_DATABASE)
