"""One clip, from the order to the copy in the object store, as often interrupted as it may be: the ledger knows how far
it is, and every step leads from one of its states to another."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from render_service.db.generation.generation_ledger import GenerationLedger, LiveTask
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.generation.clip_plan import ClipOrder
from render_service.domain.generation.provider_task import ProviderTask, TaskFault, TaskState
from render_service.domain.jobs.job import ProviderName
from render_service.progress.task_hints import TaskHints
from render_service.providers.apis.instrumented import charged
from render_service.providers.generation.polling import follow
from render_service.providers.generation.progress import Line, ProgressAggregator
from render_service.providers.generation.results import ClipCopies, CopyFault
from render_service.providers.generation.retry_policy import ProviderRetryPolicy
from render_service.providers.generation.submission import Submissions
from render_service.providers.generator import Generation
from render_service.providers.provider_api import ClipRequest, FaultKind, Phase, Picture, ProviderFault, TaskReport
from render_service.telemetry.tracing.spans import span

_SECONDS_BETWEEN_LOOKS_AT_OTHERS = 1.0


@dataclass(frozen=True, slots=True)
class ShotContext:
    """What clips are made with; see ClipMaker."""

    orders: Mapping[ProviderName, Submissions]
    ledger: GenerationLedger
    copies: ClipCopies
    retry_policy: ProviderRetryPolicy
    hints: TaskHints


@dataclass(frozen=True, slots=True)
class MadeClip:
    """A clip on this machine, with its row of the ledger.

    `reused` tells whether it was paid before this job; `failures` are those of the providers that were asked before.
    """

    path: Path
    order: ClipOrder
    task: ProviderTask
    reused: bool
    failures: tuple[str, ...] = ()

    def after(self, failures: list[str]) -> "MadeClip":
        """Return this clip with the failures that came before it."""
        return replace(self, failures=tuple(failures))


class ShotFailed(Exception):
    """A provider cannot make a clip; a fallback provider may."""

    def __init__(self, failure: RenderFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class ShotWork:
    """Has one provider make the clip of one shot.

    Args:
        workshop: What to work with.
        work: The job's attempt.
        order: What to order.
        picture: The picture it starts from, and its SHA-256.
        board: Where progress is told.
        path: Where the clip goes.
    """

    def __init__(
        self,
        workshop: ShotContext,
        work: Generation,
        order: ClipOrder,
        *,
        picture: tuple[Picture, str] | None,
        board: ProgressAggregator,
        path: Path,
    ) -> None:
        self._shop = workshop
        self._ledger = workshop.ledger
        self._lease = work.lease
        self._options = work.spec.generation
        self._order = order
        self._board = board
        self._path = path
        self._provider = order.model.provider
        self._request = ClipRequest(
            order,
            picture[0] if picture and order.from_image else None,
            options=self._options.options if order.model.takes_options else {},
            metadata={"job_id": str(self._lease.job_id), "shot_id": order.shot_id},
        )
        self._key = order_key(order, picture[1] if picture and order.from_image else "", self._request.options)
        self._prepared: ClipRequest | None = None
        self._refused_since: float | None = None
        self._refusals = 0
        self._resubmissions = 0
        self._perhaps_sent = False

    async def run(self) -> MadeClip:
        """Make the clip.

        Raises:
            ShotFailed: this provider cannot make it.
            RenderFailure: it cannot be made, and no fallback applies; or not now.
            LeaseLost: this worker no longer holds the job.
        """
        if self._provider not in self._shop.orders:
            raise ShotFailed(
                self._failure(
                    TaskFault(ErrorReason.PROVIDER_NOT_CONFIGURED, f"this worker cannot use {self._provider}")
                )
            )
        while True:
            await self._stop_after_failures()
            live = await self._ledger.live(self._lease, self._key)
            if live is None:
                await self._ledger.open(
                    self._lease,
                    self._key,
                    shot_id=self._order.shot_id,
                    provider=self._provider,
                    model=self._order.model.name,
                )
                continue
            made = await self._step(live)
            if made is not None:
                return made

    async def _step(self, live: LiveTask) -> MadeClip | None:
        task = live.task
        if task.state is TaskState.SUCCEEDED:
            return await self._reuse(live)
        if task.job_id != self._lease.job_id:
            await self._join(live)
            return None
        match task.state:
            case TaskState.WAITING:
                await self._place(task)
            case TaskState.INTENT:
                await self._resolve(task)
            case TaskState.UNKNOWN:
                await self._decide_unknown(live)
            case _:
                await self._finish(task)
        return None

    async def _stop_after_failures(self) -> None:
        failed = await self._ledger.failures(self._lease, self._key)
        if not failed or failed[-1].fault is None:
            return
        fault = failed[-1].fault
        if fault.retryable and len(failed) <= self._shop.retry_policy.attempts:
            return
        failure = self._failure(fault)
        if fault.reason is ErrorReason.CONTENT_REFUSED:
            raise failure
        raise ShotFailed(failure)

    async def _reuse(self, live: LiveTask) -> MadeClip | None:
        clip = live.task.clip
        assert clip is not None
        anew = live.from_before and self._order.shot_id in self._options.regenerate_shots
        if not anew:
            self._board.put(self._order.shot_id, Line.COPYING)
            if await self._shop.copies.restore(clip, self._path):
                return MadeClip(self._path, self._order, live.task, live.from_before)
            if not live.from_before:
                # Ordered and lost within one job: to order again would be to pay behind the caller's back.
                raise self._failure(
                    TaskFault(ErrorReason.PROVIDER_FAILED, "the finished clip is gone from the object store")
                )
        await self._ledger.supersede(self._lease, live.task.id)
        return None

    async def _join(self, live: LiveTask) -> None:
        """Wait for another job that makes the same clip, or take its work over if it does not run."""
        if live.held_by_other or not await self._ledger.adopt(self._lease, live.task.id, shot_id=self._order.shot_id):
            self._board.put(self._order.shot_id, Line.ELSEWHERE)
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS_AT_OTHERS)

    async def _place(self, task: ProviderTask) -> None:
        self._board.put(self._order.shot_id, Line.WAITING)
        orders = self._shop.orders[self._provider]
        try:
            if self._prepared is None:
                self._prepared = await orders.provider.prepare(self._request)
            await orders.place(self._lease, task.id, self._prepared, self._refusals)
        except ProviderFault as fault:
            await self._after_refusal(task, fault)

    async def _after_refusal(self, task: ProviderTask, fault: ProviderFault) -> None:
        """Decide whether to try again where the provider has surely not taken the order."""
        if fault.kind is FaultKind.LOST:
            raise self._not_now(fault)
        if fault.kind not in (FaultKind.BUSY, FaultKind.UNREACHABLE):
            # The picture was refused before anything was ordered.
            told = TaskFault(ErrorReason.PROVIDER_FAILED, fault.message, fault.code)
            await self._ledger.settle(self._lease, task.id, TaskState.FAILED, told)
            return
        now = asyncio.get_running_loop().time()
        self._refusals += 1
        self._refused_since = self._refused_since or now
        is_over = (
            self._refusals > self._shop.retry_policy.attempts
            if fault.kind is FaultKind.UNREACHABLE
            else now - self._refused_since > self._shop.retry_policy.task.total_seconds()
        )
        if is_over and self._perhaps_sent:
            raise self._not_now(fault)
        if is_over:
            await self._ledger.settle(self._lease, task.id, TaskState.CANCELLED, None)
            raise ShotFailed(self._not_now(fault))
        if self._prepared is None:
            await asyncio.sleep(self._shop.retry_policy.backoff(self._refusals, fault.retry_after).total_seconds())

    async def _resolve(self, task: ProviderTask) -> None:
        """Deal with an order of an earlier attempt that was perhaps sent."""
        orders = self._shop.orders[self._provider]
        if not orders.provider.traits.repeats_by_key:
            told = TaskFault(ErrorReason.SUBMIT_OUTCOME_UNKNOWN, "the worker was lost while it ordered the clip")
            await self._ledger.settle(self._lease, task.id, TaskState.UNKNOWN, told)
            return
        self._perhaps_sent = True
        try:
            self._prepared = self._prepared or await orders.provider.prepare(self._request)
            await orders.repeat(self._lease, task.id, self._prepared)
        except ProviderFault as fault:
            if fault.kind is FaultKind.LOST:
                raise self._not_now(fault) from fault
            await self._after_refusal(task, fault)

    async def _decide_unknown(self, live: LiveTask) -> None:
        self._resubmissions += 1
        anew = live.from_before and self._order.shot_id in self._options.regenerate_shots
        if anew or (self._options.allow_resubmit and self._resubmissions <= self._shop.retry_policy.attempts):
            await self._ledger.supersede(self._lease, live.task.id)
            return
        told = live.task.fault.message if live.task.fault else ""
        raise RenderFailure(
            ErrorReason.SUBMIT_OUTCOME_UNKNOWN,
            f"it is not known whether {self._provider} took the order for shot {self._order.shot_id} ({told}); "
            "start again with allow_resubmit to order it again",
            self._metadata(),
        )

    async def _finish(self, task: ProviderTask) -> None:
        """Poll a task until it ends, and copy its result."""
        orders = self._shop.orders[self._provider]
        assert task.external is not None
        at_once = task.intent_token != self._lease.token

        def hear(report: TaskReport, elapsed: timedelta) -> None:
            self._board.hear(self._order.shot_id, report, elapsed, orders.provider.traits.usual)

        for tried in range(1, self._shop.retry_policy.attempts + 2):
            try:
                # One span for all polls of the task.
                with span("await clip", {"render.provider": self._provider, "render.shot": self._order.shot_id}):
                    report = await follow(
                        orders.provider,
                        task,
                        task.external,
                        self._shop.retry_policy,
                        hear,
                        hints=self._shop.hints,
                        at_once=at_once,
                    )
            except ProviderFault as fault:
                # The task continues at the provider: the next attempt polls it.
                raise self._not_now(fault) from fault
            if report.phase is Phase.FAILED:
                told = report.fault or TaskFault(ErrorReason.PROVIDER_FAILED, f"{self._provider} failed")
                await self._ledger.settle(self._lease, task.id, TaskState.FAILED, told, report.cost)
                charged(self._provider, report.cost)
                orders.freed()
                return
            self._board.put(self._order.shot_id, Line.COPYING)
            try:
                await self._copy(task, report)
            except CopyFault as bad:
                if tried > self._shop.retry_policy.attempts and bad.passing:
                    raise self._not_now(ProviderFault(FaultKind.UNREACHABLE, bad.message)) from bad
                if tried > self._shop.retry_policy.attempts:
                    told = TaskFault(ErrorReason.PROVIDER_FAILED, bad.message, "BAD_RESULT")
                    cost = report.cost or self._order.cost
                    await self._ledger.settle(self._lease, task.id, TaskState.FAILED, told, cost)
                    charged(self._provider, cost)
                    orders.freed()
                    return
                # Poll again: the provider issues a new URL for one that has expired.
                await asyncio.sleep(self._shop.retry_policy.backoff(tried).total_seconds())
                at_once = True
            else:
                orders.freed()
                return

    async def _copy(self, task: ProviderTask, report: TaskReport) -> None:
        clip = await self._shop.copies.take(
            self._lease.workspace_id, self._order, report.outputs, self._path, report.metadata
        )
        cost = report.cost or self._order.cost
        await self._ledger.succeeded(self._lease, task.id, clip, cost)
        charged(self._provider, cost)

    def _not_now(self, fault: ProviderFault) -> RenderFailure:
        return RenderFailure(
            ErrorReason.PROVIDER_FAILED,
            f"shot {self._order.shot_id}: {fault.message}",
            self._metadata(fault.code),
            retryable=True,
        )

    def _failure(self, fault: TaskFault) -> RenderFailure:
        metadata = self._metadata(fault.code)
        if fault.reason is ErrorReason.ASSET_INVALID:
            metadata["field"] = "image_uri"
        return RenderFailure(fault.reason, f"shot {self._order.shot_id}: {fault.message}", metadata)

    def _metadata(self, code: str = "") -> dict[str, str]:
        metadata = {"provider": self._provider.value, "shot_id": self._order.shot_id}
        return {**metadata, "code": code} if code else metadata


def order_key(order: ClipOrder, picture: str, options: Mapping[str, object]) -> bytes:
    """Return the SHA-256 of all that a clip depends on but for its workspace: equal orders make the same clip.

    Args:
        order: The order; the shot's id is not part of the key, since a shot may be renamed.
        picture: SHA-256 of the picture it starts from; empty for none.
        options: What is handed to the provider beside it.
    """
    content = {
        "provider": order.model.provider,
        "model": order.model.name,
        "prompt": order.prompt,
        "negative_prompt": order.negative_prompt,
        "seed": order.seed,
        "picture": picture,
        "shape": order.shape_name,
        "fps": order.fps if order.model.takes_fps else 0,
        "milliseconds": order.duration // timedelta(milliseconds=1),
        "options": options,
        "copy": order.copy,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).digest()
