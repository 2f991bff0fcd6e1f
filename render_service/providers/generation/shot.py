"""Generates the clip of one shot, from the submission to the copy in the object store.

The ledger holds the state, and each step moves the row from one state to another, so that another worker can continue
after an interruption at any point.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from render_service.db.generation.generation_ledger import GenerationLedger, LiveTask
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.generation.clip_plan import ClipSpec
from render_service.domain.generation.provider_task import ProviderTask, TaskFault, TaskState
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName
from render_service.domain.machine_faults import is_machine_fault
from render_service.progress.task_hints import TaskHints
from render_service.providers.apis.instrumented import count_cost
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.generation.polling import poll_until_done
from render_service.providers.generation.progress import ClipStatus, ProgressAggregator
from render_service.providers.generation.results import ClipCopies, CopyFault
from render_service.providers.generation.spec_key import spec_key
from render_service.providers.generation.submission import Submissions
from render_service.providers.generator import Generation
from render_service.providers.provider_api import ClipRequest, FaultKind, Phase, Picture, ProviderFault, TaskReport
from render_service.telemetry.tracing.spans import span

_OTHER_JOB_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ShotContext:
    """What generating a clip needs; see ClipGenerator."""

    submissions: Mapping[ProviderName, Submissions]
    ledger: GenerationLedger
    copies: ClipCopies
    limits: GenerationLimits
    hints: TaskHints


@dataclass(frozen=True, slots=True)
class GeneratedClip:
    """A clip on this machine, with its row of the ledger.

    `reused`: whether it was paid before this job; `failures` are those of the providers tried before.
    """

    path: Path
    spec: ClipSpec
    task: ProviderTask
    reused: bool
    failures: tuple[str, ...] = ()

    def after(self, failures: list[str]) -> "GeneratedClip":
        """Return this clip with the failures of the providers tried before."""
        return replace(self, failures=tuple(failures))


class ShotFailed(Exception):
    """A provider cannot generate a clip; a fallback provider may."""

    def __init__(self, failure: RenderFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class ShotGeneration:
    """The generation of one shot's clip by one provider.

    Args:
        context: What generating a clip needs.
        work: The job's attempt.
        spec: The clip to generate.
        picture: The picture it starts from, and its SHA-256.
        progress: Receives the clip's progress.
        path: Where to write the clip.
    """

    def __init__(
        self,
        context: ShotContext,
        work: Generation,
        spec: ClipSpec,
        *,
        picture: tuple[Picture, str] | None,
        progress: ProgressAggregator,
        path: Path,
    ) -> None:
        self._context = context
        self._ledger = context.ledger
        self._retry = context.limits.retry
        self._lease = work.lease
        self._options = work.spec.generation
        self._spec = spec
        self._progress = progress
        self._path = path
        self._provider = spec.model.provider
        self._request = ClipRequest(
            spec,
            picture[0] if picture and spec.from_image else None,
            options=self._options.options if spec.model.takes_options else {},
            metadata={"job_id": str(self._lease.job_id), "shot_id": spec.shot_id},
        )
        self._key = spec_key(spec, picture[1] if picture and spec.from_image else "", self._request.options)
        self._prepared: ClipRequest | None = None
        self._refused_since: float | None = None
        self._refusals = 0
        self._resubmissions = 0
        self._maybe_submitted = False

    async def run(self) -> GeneratedClip:
        """Generate the clip.

        Raises:
            ShotFailed: this provider cannot generate it.
            RenderFailure: it cannot be generated, and no fallback applies; or not now.
            LeaseLost: this worker no longer holds the job.
        """
        if self._provider not in self._context.submissions:
            raise ShotFailed(
                self._failure(
                    TaskFault(ErrorReason.PROVIDER_NOT_CONFIGURED, f"{self._provider} is not configured on this worker")
                )
            )
        while True:
            await self._raise_final_failure()
            live = await self._ledger.live(self._lease, self._key)
            if live is None:
                await self._ledger.open(
                    self._lease,
                    self._key,
                    shot_id=self._spec.shot_id,
                    provider=self._provider,
                    model=self._spec.model.name,
                )
                continue
            clip = await self._step(live)
            if clip is not None:
                return clip

    async def _step(self, live: LiveTask) -> GeneratedClip | None:
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
        failed = await self._ledger.failures(self._lease, self._key)
        if not failed or failed[-1].fault is None:
            return
        fault = failed[-1].fault
        if fault.retryable and not self._retry.is_exhausted(len(failed)):
            return
        failure = self._failure(fault)
        if fault.reason is ErrorReason.CONTENT_REFUSED:
            raise failure
        raise ShotFailed(failure)

    async def _reuse(self, live: LiveTask) -> GeneratedClip | None:
        clip = live.task.clip
        assert clip is not None
        if not self._is_regenerated(live):
            self._progress.set_status(self._spec.shot_id, ClipStatus.COPYING)
            if await self._context.copies.restore(clip, self._path):
                return GeneratedClip(self._path, self._spec, live.task, live.from_before)
            if not live.from_before:
                # Generated and lost within one job: generating it again would pay twice behind the caller's back.
                raise self._failure(
                    TaskFault(ErrorReason.PROVIDER_FAILED, "the finished clip is missing from the object store")
                )
        await self._ledger.supersede(self._lease, live.task.id)
        return None

    def _is_regenerated(self, live: LiveTask) -> bool:
        return live.from_before and self._spec.shot_id in self._options.regenerate_shots

    async def _wait_for_other_job(self, live: LiveTask) -> None:
        """Wait for another job that generates the same clip, or take its task over if that job does not run."""
        if live.held_by_other or not await self._ledger.take_over(
            self._lease, live.task.id, shot_id=self._spec.shot_id
        ):
            self._progress.set_status(self._spec.shot_id, ClipStatus.ELSEWHERE)
            await asyncio.sleep(_OTHER_JOB_POLL_SECONDS)

    async def _submit(self, task: ProviderTask) -> None:
        self._progress.set_status(self._spec.shot_id, ClipStatus.WAITING)
        submissions = self._context.submissions[self._provider]
        try:
            if self._prepared is None:
                self._prepared = await submissions.provider.prepare(self._request)
            await submissions.submit(self._lease, task.id, self._prepared, self._refusals)
        except ProviderFault as fault:
            await self._after_refusal(task, fault)

    async def _after_refusal(self, task: ProviderTask, fault: ProviderFault) -> None:
        """Decide whether to retry after the provider has certainly not accepted the submission."""
        if fault.kind is FaultKind.LOST:
            raise self._temporary(fault)
        if fault.kind not in (FaultKind.BUSY, FaultKind.UNREACHABLE):
            # `prepare` failed: the picture was refused before anything was submitted.
            refused = TaskFault(ErrorReason.PROVIDER_FAILED, fault.message, fault.code)
            await self._ledger.settle(self._lease, task.id, TaskState.FAILED, refused)
            return
        if is_machine_fault(fault):
            raise self._temporary(fault)  # no other provider can be reached either
        now = asyncio.get_running_loop().time()
        self._refusals += 1
        self._refused_since = self._refused_since or now
        is_final = (
            self._retry.is_exhausted(self._refusals)
            if fault.kind is FaultKind.UNREACHABLE
            else now - self._refused_since > self._context.limits.task_timeout.total_seconds()
        )
        if is_final and self._maybe_submitted:
            raise self._temporary(fault)
        if is_final:
            await self._ledger.settle(self._lease, task.id, TaskState.CANCELLED, None)
            raise ShotFailed(self._temporary(fault))
        if self._prepared is None:
            await asyncio.sleep(self._retry.delay(self._refusals, at_least=fault.retry_after).total_seconds())

    async def _resolve_intent(self, task: ProviderTask) -> None:
        """Continue after an earlier attempt that may have submitted the clip."""
        submissions = self._context.submissions[self._provider]
        if not submissions.provider.traits.repeats_by_key:
            unknown = TaskFault(ErrorReason.SUBMIT_OUTCOME_UNKNOWN, "the worker was lost while it submitted the clip")
            await self._ledger.settle(self._lease, task.id, TaskState.UNKNOWN, unknown)
            return
        self._maybe_submitted = True
        try:
            self._prepared = self._prepared or await submissions.provider.prepare(self._request)
            await submissions.resubmit(self._lease, task.id, self._prepared)
        except ProviderFault as fault:
            if fault.kind is FaultKind.LOST:
                raise self._temporary(fault) from fault
            await self._after_refusal(task, fault)

    async def _resolve_unknown(self, live: LiveTask) -> None:
        self._resubmissions += 1
        may_resubmit = self._options.allow_resubmit and not self._retry.is_exhausted(self._resubmissions)
        if self._is_regenerated(live) or may_resubmit:
            await self._ledger.supersede(self._lease, live.task.id)
            return
        cause = live.task.fault.message if live.task.fault else ""
        raise RenderFailure(
            ErrorReason.SUBMIT_OUTCOME_UNKNOWN,
            f"shot {self._spec.shot_id}: it is unknown whether {self._provider} accepted the submission ({cause}); "
            "to submit it again and possibly pay twice, start the job with allow_resubmit",
            self._metadata(),
        )

    async def _finish(self, task: ProviderTask) -> None:
        """Poll a task until it ends, and copy its result."""
        assert task.external is not None
        # A task that this attempt did not submit may have ended long ago.
        at_once = task.intent_token != self._lease.token
        failed = 0
        while True:
            report = await self._poll(task, at_once=at_once)
            if report.phase is Phase.FAILED:
                fault = report.fault or TaskFault(ErrorReason.PROVIDER_FAILED, f"{self._provider} failed")
                await self._settle_failed(task, fault, report.cost)
                return
            self._progress.set_status(self._spec.shot_id, ClipStatus.COPYING)
            try:
                await self._copy(task, report)
            except CopyFault as bad:
                failed += 1
                if not self._retry.is_exhausted(failed):
                    # Poll again: the provider issues a new URL for one that has expired.
                    await asyncio.sleep(self._retry.delay(failed).total_seconds())
                    at_once = True
                    continue
                if bad.temporary:
                    raise self._temporary(ProviderFault(FaultKind.UNREACHABLE, bad.message)) from bad
                fault = TaskFault(ErrorReason.PROVIDER_FAILED, bad.message, "BAD_RESULT")
                await self._settle_failed(task, fault, report.cost or self._spec.cost)
            return

    async def _poll(self, task: ProviderTask, *, at_once: bool) -> TaskReport:
        provider = self._context.submissions[self._provider].provider
        assert task.external is not None

        def on_report(report: TaskReport, elapsed: timedelta) -> None:
            self._progress.on_report(self._spec.shot_id, report, elapsed, provider.traits.usual)

        try:
            # One span for all polls of the task.
            with span("await clip", {"render.provider": self._provider, "render.shot": self._spec.shot_id}):
                return await poll_until_done(
                    provider,
                    task,
                    task.external,
                    self._context.limits,
                    on_report,
                    hints=self._context.hints,
                    at_once=at_once,
                )
        except ProviderFault as fault:
            # The task continues at the provider: the next attempt polls it.
            raise self._temporary(fault) from fault

    async def _copy(self, task: ProviderTask, report: TaskReport) -> None:
        clip = await self._context.copies.copy(
            self._lease.workspace_id, self._spec, report.outputs, self._path, report.metadata
        )
        cost = report.cost or self._spec.cost
        await self._ledger.succeeded(self._lease, task.id, clip, cost)
        self._on_end(cost)

    async def _settle_failed(self, task: ProviderTask, fault: TaskFault, cost: Cost | None) -> None:
        await self._ledger.settle(self._lease, task.id, TaskState.FAILED, fault, cost)
        self._on_end(cost)

    def _on_end(self, cost: Cost | None) -> None:
        count_cost(self._provider, cost)
        self._context.submissions[self._provider].on_slot_freed()

    def _temporary(self, fault: ProviderFault) -> RenderFailure:
        return RenderFailure(
            ErrorReason.PROVIDER_FAILED,
            f"shot {self._spec.shot_id}: {fault.message}",
            self._metadata(fault.code),
            retryable=True,
            worker_fault=is_machine_fault(fault),
        )

    def _failure(self, fault: TaskFault) -> RenderFailure:
        metadata = self._metadata(fault.code)
        if fault.reason is ErrorReason.ASSET_INVALID:
            metadata["field"] = "image_uri"
        return RenderFailure(fault.reason, f"shot {self._spec.shot_id}: {fault.message}", metadata)

    def _metadata(self, code: str = "") -> dict[str, str]:
        metadata = {"provider": self._provider.value, "shot_id": self._spec.shot_id}
        return {**metadata, "code": code} if code else metadata
