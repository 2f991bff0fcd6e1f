"""Of the progress of an attempt, each change is stored once, and the last one always, whatever goes on meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from unittest import mock
from uuid import uuid4

import pytest

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle, LeaseLost, Report
from render_service.db.uncancellable_connection import uncancelled
from render_service.domain.jobs.job import JobEvent, JobStage, JobStatus, Lease
from render_service.domain.warning import JobWarning
from render_service.engine import progress_reporter
from render_service.engine.leases import Holding, StopReason
from render_service.engine.progress_reporter import ProgressReporter
from render_service.progress.publisher import Publisher

LEASE = Lease(uuid4(), uuid4(), "team", uuid4(), 1, 0)


@dataclass(frozen=True)
class Stored:
    """A report as it was stored."""

    stage: JobStage
    progress: int
    alive: bool


class Gate:
    """Keeps those who enter waiting while it is closed."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    def close(self) -> None:
        self.entered.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def enter(self) -> None:
        self.entered.set()
        await self._open.wait()


class Lifecycle(JobLifecycle):
    """Stores reports in a list, each once `gate` is open; raises the next of `faults` instead."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.faults: list[Exception] = []
        self.stored: list[Stored] = []
        self.cancel_requested = False
        self._changed = asyncio.Condition()

    async def report(
        self,
        lease: Lease,
        *,
        stage: JobStage,
        progress: int,
        message: str,
        alive: bool = False,
        warnings: Sequence[JobWarning] | None = None,
    ) -> Report:
        # A statement that is under way ends even if its caller is cancelled, as in the database.
        await uncancelled(self._store(Stored(stage, progress, alive)))
        event = JobEvent(
            lease.job_id,
            lease.task_id,
            lease.workspace_id,
            sequence=len(self.stored),
            milestone=1,
            is_milestone=False,
            status=JobStatus.PROCESSING,
            stage=stage,
            progress=progress,
            message=message,
            attempt=lease.attempt,
            timestamp=datetime.now(UTC),
        )
        return Report(event, self.cancel_requested)

    async def _store(self, report: Stored) -> None:
        await self.gate.enter()
        if self.faults:
            raise self.faults.pop(0)
        async with self._changed:
            self.stored.append(report)
            self._changed.notify_all()

    async def until(self, percent: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.stored and self.stored[-1].progress == percent)


class Channel(Publisher):
    """Publishes into a list; returns once `gate` is open."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.published: list[int] = []

    async def publish(self, *events: JobEvent) -> None:
        self.published += [event.progress for event in events]
        await self.gate.enter()


@asynccontextmanager
async def reporting(
    lifecycle: Lifecycle, channel: Channel | None = None, *, interval_seconds: float = 0.02
) -> AsyncIterator[ProgressReporter]:
    """A reporter that is closed in the end; nothing may take a minute."""
    reporter = ProgressReporter(lifecycle, channel or Channel(), LEASE, interval_seconds=interval_seconds)
    async with asyncio.timeout(60):
        yield reporter
        await reporter.aclose()


async def test_the_last_report_is_stored_though_it_arrived_while_another_was_published() -> None:
    lifecycle, channel = Lifecycle(), Channel()
    async with reporting(lifecycle, channel, interval_seconds=0.2) as reporter:
        await reporter.report(JobStage.PREPARING, 1, "")
        channel.gate.close()
        second = asyncio.create_task(reporter.report(JobStage.PREPARING, 2, ""))
        await channel.gate.entered.wait()
        last = asyncio.create_task(reporter.report(JobStage.PREPARING, 3, ""))
        await asyncio.sleep(0)
        channel.gate.open()
        await lifecycle.until(3)
        await asyncio.gather(second, last)


async def test_the_next_report_is_stored_and_published_in_order_while_another_is_published() -> None:
    lifecycle, channel = Lifecycle(), Channel()
    async with reporting(lifecycle, channel) as reporter:
        channel.gate.close()
        first = asyncio.create_task(reporter.report(JobStage.PREPARING, 1, ""))
        await channel.gate.entered.wait()
        second = asyncio.create_task(reporter.report(JobStage.GENERATING, 2, ""))
        await lifecycle.until(2)
        channel.gate.open()
        await asyncio.gather(first, second)
    assert channel.published == [1, 2]


async def test_equal_reports_at_the_same_time_are_stored_once() -> None:
    lifecycle = Lifecycle()
    lifecycle.gate.close()
    async with reporting(lifecycle) as reporter:
        calls = [asyncio.create_task(reporter.report(JobStage.GENERATING, 5, "")) for _ in range(3)]
        await lifecycle.gate.entered.wait()
        lifecycle.gate.open()
        await asyncio.gather(*calls)
    assert lifecycle.stored == [Stored(JobStage.GENERATING, 5, False)]


async def test_the_report_of_a_cancelled_caller_is_stored_before_the_next() -> None:
    lifecycle, channel = Lifecycle(), Channel()
    lifecycle.gate.close()
    async with reporting(lifecycle, channel) as reporter:
        call = asyncio.create_task(reporter.report(JobStage.GENERATING, 5, ""))
        await lifecycle.gate.entered.wait()
        call.cancel()
        following = asyncio.create_task(reporter.report(JobStage.GENERATING, 6, ""))
        await asyncio.sleep(0)
        lifecycle.gate.open()
        await asyncio.gather(call, following, return_exceptions=True)
        assert call.cancelled()
        await lifecycle.until(6)
    assert [one.progress for one in lifecycle.stored] == [5, 6]
    assert channel.published == [5, 6]


async def test_a_heartbeat_that_arrives_while_another_report_is_stored_is_stored_too() -> None:
    lifecycle = Lifecycle()
    lifecycle.gate.close()
    async with reporting(lifecycle) as reporter:
        first = asyncio.create_task(reporter.report(JobStage.GENERATING, 5, ""))
        await lifecycle.gate.entered.wait()
        second = asyncio.create_task(reporter.report(JobStage.GENERATING, 6, "", alive=True))
        await asyncio.sleep(0)
        lifecycle.gate.open()
        await asyncio.gather(first, second)
        await lifecycle.until(6)
    assert [(one.progress, one.alive) for one in lifecycle.stored] == [(5, False), (6, True)]


async def test_what_postgres_could_not_store_is_stored_once_it_can_without_another_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = mock.Mock()
    monkeypatch.setattr(progress_reporter, "_log", log)
    lifecycle = Lifecycle()
    lifecycle.faults = [DatabaseUnavailable() for _ in range(4)]
    async with reporting(lifecycle) as reporter:
        await reporter.report(JobStage.GENERATING, 5, "", alive=True)
        await lifecycle.until(5)
    assert lifecycle.stored == [Stored(JobStage.GENERATING, 5, True)]
    log.warning.assert_called_once()


async def test_a_delayed_report_that_finds_the_lease_lost_stops_the_attempt() -> None:
    lifecycle = Lifecycle()
    attempt: asyncio.Task[object] = asyncio.create_task(asyncio.Event().wait())
    async with reporting(lifecycle) as reporter:
        holding = reporter.holding = Holding(LEASE, attempt)
        await reporter.report(JobStage.PREPARING, 1, "")
        lifecycle.faults = [LeaseLost()]
        # Raised here only if the machine paused between the two reports: then nothing is delayed.
        with suppress(LeaseLost):
            await reporter.report(JobStage.PREPARING, 2, "")
        await asyncio.wait([attempt])
        assert holding.stopped is StopReason.LEASE_LOST


async def test_nothing_is_stored_after_the_end() -> None:
    lifecycle = Lifecycle()
    async with reporting(lifecycle, interval_seconds=30) as reporter:
        await reporter.report(JobStage.PREPARING, 1, "")
        await reporter.report(JobStage.PREPARING, 2, "")
    assert [one.progress for one in lifecycle.stored] == [1]
    assert asyncio.all_tasks() == {asyncio.current_task()}
