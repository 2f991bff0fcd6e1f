"""Polls a task at its provider until it ends."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, ProviderTask, TaskFault
from render_service.progress.task_hints import TaskHints
from render_service.providers.generation.retry_policy import ProviderRetryPolicy
from render_service.providers.provider_api import FaultKind, Phase, ProviderApi, ProviderFault, TaskReport, Traits

# A task may not be known everywhere at the provider the moment it was ordered.
_TIMES_GONE = 3
_GROWTH = 1.3
_MOMENT = timedelta(milliseconds=300)
# Where the provider calls back, looks are for callbacks that got lost, and for progress: so many times fewer.
_FEWER = 6
_EAGER = 3


async def follow(
    provider: ProviderApi,
    task: ProviderTask,
    external: ExternalTask,
    retry_policy: ProviderRetryPolicy,
    hear: Callable[[TaskReport, timedelta], None],
    *,
    hints: TaskHints,
    at_once: bool,
) -> TaskReport:
    """Poll a task until it has ended.

    The first poll comes early also where the provider calls back: a call that came before anybody listened for it is
    made up for so.

    Args:
        provider: Who makes it.
        task: The ledger's row.
        external: Its id at the provider.
        retry_policy: How long the clip may take.
        hear: Is told of every look, and how long ago the task was ordered.
        hints: Tells when a look would pay. However many come, looks are no more than without them.
        at_once: Whether to look first and wait then: for tasks that were ordered some time ago.

    Returns:
        The last report: SUCCEEDED or FAILED; FAILED too where it took too long, and was stopped.

    Raises:
        ProviderFault: polling failed for too long.
    """
    ordered_at = task.submitted_at or datetime.now(UTC)
    failed = 0
    pace = _Pace(provider.traits, retry_policy, hints)
    pause, least = timedelta(0) if at_once else _spread(pace.first), timedelta(0)
    with hints.of(task.id) as hint:
        while True:
            pace.called(await _hinted(hint, pause, least))
            # Before the look: what comes during it may tell of something that it did not see.
            hint.clear()
            elapsed = max(timedelta(0), datetime.now(UTC) - ordered_at)
            try:
                report = await provider.poll(external)
            except ProviderFault as fault:
                failed += 1
                if fault.kind is FaultKind.REFUSED or (fault.kind is FaultKind.GONE and failed >= _TIMES_GONE):
                    told = TaskFault(ErrorReason.PROVIDER_FAILED, fault.message, fault.code or fault.kind.name)
                    return TaskReport(Phase.FAILED, fault=told)
                if failed > retry_policy.attempts:
                    raise
                pause = least = retry_policy.backoff(failed, fault.retry_after)
                continue
            failed = 0
            hear(report, elapsed)
            if report.phase in (Phase.SUCCEEDED, Phase.FAILED):
                return report
            if elapsed > retry_policy.task:
                with contextlib.suppress(ProviderFault):
                    await provider.cancel(external)
                seconds = f"{retry_policy.task.total_seconds():g}"
                told = TaskFault(
                    ErrorReason.PROVIDER_FAILED, f"{provider.name} did not finish within {seconds} s", "TIMED_OUT"
                )
                return TaskReport(Phase.FAILED, fault=told)
            pause, least = pace.next(report, elapsed), pace.first


async def _hinted(hint: asyncio.Event, pause: timedelta, least: timedelta) -> bool:
    """Wait for a time, or until a hint, but not less than the least; tell whether there was a hint."""
    loop = asyncio.get_running_loop()
    earliest = loop.time() + min(pause, least).total_seconds()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause.total_seconds()):
            await hint.wait()
    await asyncio.sleep(max(0.0, earliest - loop.time()))
    return hint.is_set()


class _Pace:
    """Poll intervals: few polls, and one just after the end.

    Args:
        traits: What the provider wants.
        retry_policy: Limits set by the operator.
        hints: Whether calls of the provider are heard.
    """

    def __init__(self, traits: Traits, retry_policy: ProviderRetryPolicy, hints: TaskHints) -> None:
        self._traits = traits
        self._poll = retry_policy.poll
        self._hints = hints
        self._before: tuple[float, timedelta] | None = None
        self._steps = 0
        self._eager = 0

    @property
    def first(self) -> timedelta:
        """Shortest interval between polls."""
        return self._poll or self._traits.poll_first

    def called(self, hinted: bool) -> None:
        """Hear before each look whether there was a hint: the end is near then, even where the look does not see it."""
        if hinted:
            self._steps = 0
        self._eager = _EAGER if hinted else max(0, self._eager - 1)

    def next(self, report: TaskReport, elapsed: timedelta) -> timedelta:
        """Return the delay after a poll."""
        self._steps += 1
        usual = self._poll or min(self._traits.poll_most, self._traits.poll_first * _GROWTH**self._steps)
        left = self._left(report, elapsed)
        if self._traits.calls_back and self._hints.listening and not self._eager:
            pause = usual * _FEWER
        else:
            pause = _aimed(usual, left, self.first)
        return max(_spread(pause), report.retry_after or timedelta(0))

    def _left(self, report: TaskReport, elapsed: timedelta) -> timedelta | None:
        """Return how long a task goes on if it goes on as since the last look; None where that is not known."""
        if report.phase is not Phase.RUNNING or not report.fraction:
            return None
        done, since = self._before or (0.0, timedelta(0))
        self._before = report.fraction, elapsed
        advanced, took = report.fraction - done, elapsed - since
        return took * ((1 - report.fraction) / advanced) if advanced > 0 else None


def _aimed(usual: timedelta, left: timedelta | None, least: timedelta) -> timedelta:
    """Adjust a delay so that the next poll comes just after the expected end, if that is near.

    Looks are few, since providers want it so; one that comes a moment too early costs a whole pause.
    """
    if left is None or left + _MOMENT >= 2 * usual:
        return usual
    return max(least, left + _MOMENT)


def _spread(pause: timedelta) -> timedelta:
    """Lengthen a pause by up to a twentieth at random, so that tasks are not all polled at once."""
    return pause * (1 + random.random() / 20)  # noqa: S311 - jitter, not a secret
