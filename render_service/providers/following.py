"""Follows a task at its provider to the task's end."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from render_service.domain.errors import ErrorReason
from render_service.domain.provider_task import ExternalTask, ProviderTask, TaskFault
from render_service.providers.clip_provider import ClipProvider, FaultKind, Phase, ProviderFault, TaskReport
from render_service.providers.patience import Patience

# A task may not be known everywhere at the provider the moment it was ordered.
_TIMES_GONE = 3
_GROWTH = 1.3


async def follow(
    provider: ClipProvider,
    task: ProviderTask,
    external: ExternalTask,
    patience: Patience,
    hear: Callable[[TaskReport, timedelta], None],
    *,
    at_once: bool,
) -> TaskReport:
    """Look at a task until it has ended.

    Args:
        provider: Who makes it.
        task: The ledger's row.
        external: Its id at the provider.
        patience: How long it may take.
        hear: Is told of every look, and how long ago the task was ordered.
        at_once: Whether to look first and wait then: for tasks that were ordered some time ago.

    Returns:
        What the last look told: SUCCEEDED or FAILED; FAILED too where it took too long, and was stopped.

    Raises:
        ProviderFault: it could not be looked at for too long a time.
    """
    ordered_at = task.submitted_at or datetime.now(UTC)
    failed = 0
    pause = timedelta(0) if at_once else _spread(patience.poll or provider.traits.poll_first)
    steps = 0
    while True:
        await asyncio.sleep(pause.total_seconds())
        elapsed = max(timedelta(0), datetime.now(UTC) - ordered_at)
        try:
            report = await provider.poll(external)
        except ProviderFault as fault:
            failed += 1
            if fault.kind is FaultKind.REFUSED or (fault.kind is FaultKind.GONE and failed >= _TIMES_GONE):
                told = TaskFault(ErrorReason.PROVIDER_FAILED, fault.message, fault.code or fault.kind.name)
                return TaskReport(Phase.FAILED, fault=told)
            if failed > patience.attempts:
                raise
            pause = patience.backoff(failed, fault.retry_after)
            continue
        failed = 0
        hear(report, elapsed)
        if report.phase in (Phase.SUCCEEDED, Phase.FAILED):
            return report
        if elapsed > patience.task:
            with contextlib.suppress(ProviderFault):
                await provider.cancel(external)
            seconds = f"{patience.task.total_seconds():g}"
            told = TaskFault(
                ErrorReason.PROVIDER_FAILED, f"{provider.name} did not finish within {seconds} s", "TIMED_OUT"
            )
            return TaskReport(Phase.FAILED, fault=told)
        steps += 1
        usual = min(provider.traits.poll_most, provider.traits.poll_first * _GROWTH**steps)
        pause = max(_spread(patience.poll or usual), report.retry_after or timedelta(0))


def _spread(pause: timedelta) -> timedelta:
    """Lengthen a pause by up to a quarter at random, so that not all tasks are looked at in the same moment."""
    return pause * (1 + random.random() / 4)  # noqa: S311 - spreads looks, keeps no secret
