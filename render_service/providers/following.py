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
_MOMENT = timedelta(milliseconds=300)


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
    pace = _Pace()
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
        usual = patience.poll or min(provider.traits.poll_most, provider.traits.poll_first * _GROWTH**steps)
        pause = max(_spread(_aimed(usual, pace.left(report, elapsed))), report.retry_after or timedelta(0))


class _Pace:
    """Foresees the end of a task that tells its progress."""

    def __init__(self) -> None:
        self._before: tuple[float, timedelta] | None = None

    def left(self, report: TaskReport, elapsed: timedelta) -> timedelta | None:
        """Return how long a task goes on if it goes on as since the last look; None where that is not known."""
        if report.phase is not Phase.RUNNING or not report.fraction:
            return None
        done, since = self._before or (0.0, timedelta(0))
        self._before = report.fraction, elapsed
        advanced, took = report.fraction - done, elapsed - since
        return took * ((1 - report.fraction) / advanced) if advanced > 0 else None


def _aimed(usual: timedelta, left: timedelta | None) -> timedelta:
    """Lengthen a pause by up to its own length where the next look would then come just after the foreseen end.

    Looks are few, since providers want it so; one that comes a moment too early costs a whole pause.
    """
    return left + _MOMENT if left is not None and usual < left + _MOMENT < 2 * usual else usual


def _spread(pause: timedelta) -> timedelta:
    """Lengthen a pause by up to a twentieth at random, so that not all tasks are looked at in the same moment."""
    return pause * (1 + random.random() / 20)  # noqa: S311 - spreads looks, keeps no secret
