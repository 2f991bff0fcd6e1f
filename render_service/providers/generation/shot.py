"""Generates the clip of one shot, from the submission to the copy in the object store."""

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
from render_service.progress.task_hints import TaskHints
from render_service.providers.apis.instrumented import count_cost
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.generation.paid_request import PaidRequest, Purchase
from render_service.providers.generation.polling import poll_until_done
from render_service.providers.generation.progress import ClipStatus, ProgressAggregator
from render_service.providers.generation.results import ClipCopies, CopyFault
from render_service.providers.generation.spec_key import spec_key
from render_service.providers.generation.submission import ClipSubmissions
from render_service.providers.generator import Generation
from render_service.providers.provider_api import (
    ClipRequest,
    FaultKind,
    Phase,
    Picture,
    ProviderApi,
    ProviderFault,
    TaskReport,
)
from render_service.telemetry.tracing.spans import span


@dataclass(frozen=True, slots=True)
class ShotContext:
    """What generating a clip needs; see ClipGenerator."""

    submissions: Mapping[ProviderName, ClipSubmissions]
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


class ShotGeneration(PaidRequest[ClipRequest, GeneratedClip]):
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
        self._options = work.spec.generation
        self._spec = spec
        self._progress = progress
        self._path = path
        self._provider = spec.model.provider
        self._request = ClipRequest(
            spec,
            picture[0] if picture and spec.from_image else None,
            options=self._options.options if spec.model.takes_options else {},
            metadata={"job_id": str(work.lease.job_id), "shot_id": spec.shot_id},
        )
        key = spec_key(spec, picture[1] if picture and spec.from_image else "", self._request.options)
        allow_resubmit = self._options.allow_resubmit
        super().__init__(
            context.ledger,
            context.submissions.get(self._provider),
            context.limits,
            work.lease,
            Purchase(spec.shot_id, self._provider, spec.model.name, key, "clip", allow_resubmit),
        )

    async def _prepare(self) -> ClipRequest:
        return await self._api.prepare(self._request)

    @property
    def _api(self) -> ProviderApi:
        return self._context.submissions[self._provider].api

    async def _restore(self, live: LiveTask) -> GeneratedClip | None:
        clip = live.task.clip
        assert clip is not None
        if await self._context.copies.restore(clip, self._path):
            return GeneratedClip(self._path, self._spec, live.task, live.from_before)
        return None

    def _is_regenerated(self, live: LiveTask) -> bool:
        return live.from_before and self._spec.shot_id in self._options.regenerate_shots

    def _failure(self, fault: TaskFault) -> RenderFailure:
        failure = super()._failure(fault)
        if fault.reason is ErrorReason.ASSET_INVALID:
            failure.metadata["field"] = "image_uri"
        return failure

    def _set_status(self, status: ClipStatus) -> None:
        self._progress.set_status(self._spec.shot_id, status)

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
            self._set_status(ClipStatus.COPYING)
            try:
                await self._copy(task, report)
            except CopyFault as bad:
                failed += 1
                if not self._limits.retry.is_exhausted(failed):
                    # Poll again: the provider issues a new URL for one that has expired.
                    await asyncio.sleep(self._limits.retry.delay(failed).total_seconds())
                    at_once = True
                    continue
                if bad.temporary:
                    raise self._temporary(ProviderFault(FaultKind.UNREACHABLE, bad.message)) from bad
                fault = TaskFault(ErrorReason.PROVIDER_FAILED, bad.message, "BAD_RESULT")
                await self._settle_failed(task, fault, report.cost or self._spec.cost)
            return

    async def _poll(self, task: ProviderTask, *, at_once: bool) -> TaskReport:
        provider = self._api
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
        self._submissions.on_slot_freed()
