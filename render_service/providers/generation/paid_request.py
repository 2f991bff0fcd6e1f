"""Pays for one thing at a provider, once: the way from the submission to the result.

The ledger holds the state, and each step moves the row from one state to another, so that another worker can continue
after an interruption at any point.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

from render_service.db.generation.generation_ledger import GenerationLedger, LiveTask
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.generation.provider_task import ProviderTask, TaskFault, TaskState
from render_service.domain.jobs.job import Lease
from render_service.domain.machine_faults import is_machine_fault
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.generation.progress import ClipStatus
from render_service.providers.generation.submission import Submissions
from render_service.providers.provider_api import FaultKind, ProviderFault

_OTHER_JOB_POLL_SECONDS = 1.0

Q = TypeVar("Q")
R = TypeVar("R")


class ShotFailed(Exception):
    """A provider cannot make something for a shot; a fallback provider may."""

    def __init__(self, failure: RenderFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is paid for, as the ledger knows it.

    Args:
        shot_id: The shot that it is for.
        provider: The provider's name for people.
        model: The provider's model.
        key: SHA-256 of all that the result depends on.
        noun: What is submitted, for messages.
        allow_resubmit: Whether to repeat a submission whose outcome is unknown, which may be charged twice.
    """

    shot_id: str
    provider: str
    model: str
    key: bytes
    noun: str
    allow_resubmit: bool = False


class PaidRequest(ABC, Generic[Q, R]):
    """Something that a provider makes for one shot. Subclasses know what is sent, and what comes back.

    Args:
        ledger: Records submissions.
        submissions: Submits requests to the provider; None where this worker cannot use it.
        limits: Limits of requests to providers.
        lease: The job's lease.
        purchase: What is paid for.
    """

    def __init__(
        self,
        ledger: GenerationLedger,
        submissions: Submissions[Q] | None,
        limits: GenerationLimits,
        lease: Lease,
        purchase: Purchase,
    ) -> None:
        self._ledger = ledger
        self._submitting = submissions
        self._limits = limits
        self._lease = lease
        self._purchase = purchase
        self._prepared: Q | None = None
        self._refused_since: float | None = None
        self._refusals = 0
        self._resubmissions = 0
        self._maybe_submitted = False

    async def run(self) -> R:
        """Return what the provider makes, or has made before.

        Raises:
            ShotFailed: this provider cannot generate it.
            RenderFailure: it cannot be generated, and no fallback applies; or not now.
            LeaseLost: this worker no longer holds the job.
        """
        if self._submitting is None:
            message = f"{self._purchase.provider} is not configured on this worker"
            raise ShotFailed(self._failure(TaskFault(ErrorReason.PROVIDER_NOT_CONFIGURED, message)))
        while True:
            await self._raise_final_failure()
            live = await self._ledger.live(self._lease, self._purchase.key)
            if live is None:
                await self._ledger.open(
                    self._lease,
                    self._purchase.key,
                    shot_id=self._purchase.shot_id,
                    provider=self._submissions.provider.name,
                    model=self._purchase.model,
                )
                continue
            result = await self._step(live)
            if result is not None:
                return result

    async def is_paid(self, shot_ids: Collection[str] = ()) -> bool:
        """Return whether this job has made it for this shot, or may have submitted it.

        What another job has made does not count: it is reused in its turn, and must not replace the provider that
        this job asks for first.

        Args:
            shot_ids: Other shots of the job with the same choices of providers, and the same result from each.
        """
        live = await self._ledger.live(self._lease, self._purchase.key)
        if live is None or self._is_regenerated(live):
            return False
        task = live.task
        is_own = task.job_id == self._lease.job_id and task.shot_id in (self._purchase.shot_id, *shot_ids)
        return is_own and task.state is not TaskState.WAITING

    @property
    def _submissions(self) -> Submissions[Q]:
        assert self._submitting is not None, "run raises where this worker cannot use the provider"
        return self._submitting

    @abstractmethod
    async def _prepare(self) -> Q:
        """Return the request to submit; free of charge and safe to repeat."""

    @abstractmethod
    async def _finish(self, task: ProviderTask) -> None:
        """Bring a submitted task to its end."""

    @abstractmethod
    async def _restore(self, live: LiveTask) -> R | None:
        """Return the stored result of a task that SUCCEEDED; None if it is no longer stored."""

    def _set_status(self, status: ClipStatus) -> None:
        """Report where the request is."""

    async def _step(self, live: LiveTask) -> R | None:
        task = live.task
        if task.state is TaskState.SUCCEEDED:
            return await self._reuse(live)
        if task.job_id != self._lease.job_id:
            await self._wait_for_other_job(live)
            return None
        match task.state:
            case TaskState.WAITING:
                await self._submit(task)
            case TaskState.INTENT:
                await self._resolve_intent(task)
            case TaskState.UNKNOWN:
                await self._resolve_unknown(live)
            case _:
                await self._finish(task)
        return None

    async def _raise_final_failure(self) -> None:
        failed = await self._ledger.failures(self._lease, self._purchase.key)
        if not failed or failed[-1].fault is None:
            return
        fault = failed[-1].fault
        if fault.retryable and not self._limits.retry.is_exhausted(len(failed)):
            return
        failure = self._failure(fault)
        if fault.reason is ErrorReason.CONTENT_REFUSED:
            raise failure
        raise ShotFailed(failure)

    async def _reuse(self, live: LiveTask) -> R | None:
        if not self._is_regenerated(live):
            self._set_status(ClipStatus.COPYING)
            result = await self._restore(live)
            if result is not None:
                return result
            if not live.from_before:
                # Made and lost within one job: making it again would pay twice behind the caller's back.
                message = f"the finished {self._purchase.noun} is missing from the object store"
                raise self._failure(TaskFault(ErrorReason.PROVIDER_FAILED, message))
        await self._ledger.supersede(self._lease, live.task.id)
        return None

    def _is_regenerated(self, live: LiveTask) -> bool:
        """Return whether an earlier job's result is to be made again."""
        return False

    async def _wait_for_other_job(self, live: LiveTask) -> None:
        """Wait for another job that has the same made, or take its task over if that job does not run."""
        if live.held_by_other or not await self._ledger.take_over(
            self._lease, live.task.id, shot_id=self._purchase.shot_id
        ):
            self._set_status(ClipStatus.ELSEWHERE)
            await asyncio.sleep(_OTHER_JOB_POLL_SECONDS)

    async def _submit(self, task: ProviderTask) -> None:
        self._set_status(ClipStatus.WAITING)
        try:
            if self._prepared is None:
                self._prepared = await self._prepare()
            await self._submissions.submit(self._lease, task.id, self._prepared, self._refusals)
        except ProviderFault as fault:
            await self._after_refusal(task, fault)

    async def _after_refusal(self, task: ProviderTask, fault: ProviderFault) -> None:
        """Decide whether to retry after the provider has certainly not accepted the submission."""
        if fault.kind is FaultKind.LOST:
            raise self._temporary(fault)
        if fault.kind not in (FaultKind.BUSY, FaultKind.UNREACHABLE):
            # `prepare` failed: refused before anything was submitted.
            refused = TaskFault(ErrorReason.PROVIDER_FAILED, fault.message, fault.code)
            await self._ledger.settle(self._lease, task.id, TaskState.FAILED, refused)
            return
        if is_machine_fault(fault):
            raise self._temporary(fault)  # no other provider can be reached either
        now = asyncio.get_running_loop().time()
        self._refusals += 1
        self._refused_since = self._refused_since or now
        is_final = (
            self._limits.retry.is_exhausted(self._refusals)
            if fault.kind is FaultKind.UNREACHABLE
            else now - self._refused_since > self._limits.task_timeout.total_seconds()
        )
        if is_final and self._maybe_submitted:
            raise self._temporary(fault)
        if is_final:
            await self._ledger.settle(self._lease, task.id, TaskState.CANCELLED, None)
            raise ShotFailed(self._temporary(fault))
        if self._prepared is None:
            await asyncio.sleep(self._limits.retry.delay(self._refusals, at_least=fault.retry_after).total_seconds())

    async def _resolve_intent(self, task: ProviderTask) -> None:
        """Continue after an earlier attempt that may have submitted it."""
        if not self._submissions.provider.traits.repeats_by_key:
            unknown = TaskFault(ErrorReason.SUBMIT_OUTCOME_UNKNOWN, "the worker was lost while it submitted it")
            await self._ledger.settle(self._lease, task.id, TaskState.UNKNOWN, unknown)
            return
        self._maybe_submitted = True
        try:
            self._prepared = self._prepared or await self._prepare()
            await self._submissions.resubmit(self._lease, task.id, self._prepared)
        except ProviderFault as fault:
            if fault.kind is FaultKind.LOST:
                raise self._temporary(fault) from fault
            await self._after_refusal(task, fault)

    async def _resolve_unknown(self, live: LiveTask) -> None:
        self._resubmissions += 1
        may_resubmit = self._purchase.allow_resubmit and not self._limits.retry.is_exhausted(self._resubmissions)
        if self._is_regenerated(live) or may_resubmit:
            await self._ledger.supersede(self._lease, live.task.id)
            return
        cause = live.task.fault.message if live.task.fault else ""
        raise RenderFailure(
            ErrorReason.SUBMIT_OUTCOME_UNKNOWN,
            f"shot {self._purchase.shot_id}: it is unknown whether {self._purchase.provider} accepted the submission"
            f" ({cause}); to submit it again and possibly pay twice, start the job with allow_resubmit",
            self._metadata(),
        )

    def _temporary(self, fault: ProviderFault) -> RenderFailure:
        return RenderFailure(
            ErrorReason.PROVIDER_FAILED,
            f"shot {self._purchase.shot_id}: {fault.message}",
            self._metadata(fault.code),
            retryable=True,
            worker_fault=is_machine_fault(fault),
        )

    def _failure(self, fault: TaskFault) -> RenderFailure:
        message = f"shot {self._purchase.shot_id}: {fault.message}"
        return RenderFailure(fault.reason, message, self._metadata(fault.code))

    def _metadata(self, code: str = "") -> dict[str, str]:
        metadata = {"provider": self._purchase.provider, "shot_id": self._purchase.shot_id}
        return {**metadata, "code": code} if code else metadata
