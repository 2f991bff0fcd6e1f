"""Polls a task at its provider until it ends."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, ProviderTask, TaskFault
from render_service.progress.task_hints import TaskHints
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.provider_api import FaultKind, Phase, ProviderApi, ProviderFault, TaskReport, Traits

# A task just submitted may not be known yet to every server of the provider: so many polls in a row must say "gone".
_MAX_GONE = 3
_GROWTH = 1.3
# Added to the expected end, because polling too early costs a whole interval.
_MARGIN = timedelta(milliseconds=300)
# With callbacks, polls only make up for lost callbacks and show progress: so many times fewer.
_CALLBACK_FACTOR = 6
_POLLS_AFTER_HINT = 3


async def poll_until_done(
    provider: ProviderApi,
    task: ProviderTask,
    external: ExternalTask,
    limits: GenerationLimits,
    on_report: Callable[[TaskReport, timedelta], None],
    *,
    hints: TaskHints,
    at_once: bool,
) -> TaskReport:
    """Poll a task until it has ended.

    The first poll is early even with callbacks, in case a callback arrived before the subscription.

    Args:
        provider: The provider.
        task: The row of the ledger.
        external: The task's id at the provider.
        limits: How long the clip may take, and how failed polls are retried.
        on_report: Receives every report, and the time since the task was submitted.
        hints: Announces changes of the task. Hints never cause more polls than there would be without them.
        at_once: Whether to poll before the first delay: for tasks that were submitted some time ago.

    Returns:
        The last report: SUCCEEDED or FAILED; FAILED also if the task timed out and was cancelled.

    Raises:
        ProviderFault: polling failed more often than the retry policy allows.
    """
    submitted_at = task.submitted_at or datetime.now(UTC)
    failed = 0
    schedule = _PollSchedule(provider.traits, limits, hints)
    pause, least = timedelta(0) if at_once else _with_jitter(schedule.shortest), timedelta(0)
    with hints.of(task.id) as hint:
        while True:
            schedule.before_poll(hinted=await _wait(hint, pause, least))
            # Before the poll: a hint that arrives during it may announce something that this poll missed.
            hint.clear()
            elapsed = max(timedelta(0), datetime.now(UTC) - submitted_at)
            try:
                report = await provider.poll(external)
            except ProviderFault as fault:
                failed += 1
                if fault.kind is FaultKind.REFUSED or (fault.kind is FaultKind.GONE and failed >= _MAX_GONE):
                    failure = TaskFault(ErrorReason.PROVIDER_FAILED, fault.message, fault.code or fault.kind.name)
                    return TaskReport(Phase.FAILED, fault=failure)
                if limits.retry.is_exhausted(failed):
                    raise
                pause = least = limits.retry.delay(failed, at_least=fault.retry_after)
                continue
            failed = 0
            on_report(report, elapsed)
            if report.phase in (Phase.SUCCEEDED, Phase.FAILED):
                return report
            if elapsed > limits.task_timeout:
                with contextlib.suppress(ProviderFault):
                    await provider.cancel(external)
                seconds = f"{limits.task_timeout.total_seconds():g}"
                failure = TaskFault(
                    ErrorReason.PROVIDER_FAILED, f"{provider.name} did not finish within {seconds} s", "TIMED_OUT"
                )
                return TaskReport(Phase.FAILED, fault=failure)
            pause, least = schedule.next(report, elapsed), schedule.shortest


async def _wait(hint: asyncio.Event, pause: timedelta, least: timedelta) -> bool:
    """Wait for a pause, or until a hint but at least for `least`; return whether there was a hint."""
    loop = asyncio.get_running_loop()
    earliest = loop.time() + min(pause, least).total_seconds()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause.total_seconds()):
            await hint.wait()
    await asyncio.sleep(max(0.0, earliest - loop.time()))
    return hint.is_set()


class _PollSchedule:
    """Delays between polls: few polls, and one just after the end.

    Args:
        traits: The provider's recommendations.
        limits: Limits set by the operator.
        hints: Whether callbacks are received.
    """

    def __init__(self, traits: Traits, limits: GenerationLimits, hints: TaskHints) -> None:
        self._traits = traits
        self._interval = limits.poll_interval
        self._hints = hints
        self._last_progress: tuple[float, timedelta] | None = None
        self._steps = 0
        self._frequent_polls = 0

    @property
    def shortest(self) -> timedelta:
        """Shortest delay between polls."""
        return self._interval or self._traits.poll_first

    def before_poll(self, *, hinted: bool) -> None:
        """Record whether a hint preceded a poll: the end is near then, even if the poll does not show it yet."""
        if hinted:
            self._steps = 0
        self._frequent_polls = _POLLS_AFTER_HINT if hinted else max(0, self._frequent_polls - 1)

    def next(self, report: TaskReport, elapsed: timedelta) -> timedelta:
        """Return the delay after a poll."""
        self._steps += 1
        usual = self._interval or min(self._traits.poll_most, self._traits.poll_first * _GROWTH**self._steps)
        remaining = self._remaining(report, elapsed)
        if self._traits.calls_back and self._hints.listening and not self._frequent_polls:
            pause = usual * _CALLBACK_FACTOR
        else:
            pause = _until_end(usual, remaining, self.shortest)
        return max(_with_jitter(pause), report.retry_after or timedelta(0))

    def _remaining(self, report: TaskReport, elapsed: timedelta) -> timedelta | None:
        """Return the time to the end at the speed since the last poll; None if it is unknown."""
        if report.phase is not Phase.RUNNING or not report.fraction:
            return None
        done, since = self._last_progress or (0.0, timedelta(0))
        self._last_progress = report.fraction, elapsed
        advanced, took = report.fraction - done, elapsed - since
        return took * ((1 - report.fraction) / advanced) if advanced > 0 else None


def _until_end(usual: timedelta, remaining: timedelta | None, least: timedelta) -> timedelta:
    """Return the usual delay, adjusted to end just after the expected end of the task if that is near."""
    if remaining is None or remaining + _MARGIN >= 2 * usual:
        return usual
    return max(least, remaining + _MARGIN)


def _with_jitter(pause: timedelta) -> timedelta:
    """Lengthen a pause by up to a twentieth at random, so that tasks are not all polled at once."""
    return pause * (1 + random.random() / 20)  # noqa: S311 - jitter, not a secret
