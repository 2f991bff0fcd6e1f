"""Jobs that are polled share the slots with those that a message announced; none runs twice, none is lost."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.domain.jobs.job import Job, JobStatus
from render_service.providers.generator import Generation, ReportProgress
from render_service.worker.job_poller import JobPoller
from tests.integration.engine.harness import AT_ONCE, Engine, Scripted, endless, engine_with
from tests.records import start_job


class Gauge:
    """A provider whose jobs end one by one, as a test lets them; notes how many ran at a time."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.ran = 0
        self.may_end = asyncio.Semaphore(0)

    async def __call__(self, work: Generation, report: ReportProgress) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.ran += 1
        await self.may_end.acquire()
        self.running -= 1


async def all_completed(engine: Engine, jobs: list[Job]) -> None:
    async with asyncio.timeout(30):
        for job in jobs:
            while (await engine.job(job)).status is not JobStatus.COMPLETED:
                await asyncio.sleep(0.01)


async def test_polled_and_announced_jobs_share_the_slots_and_each_runs_once(database: Database, tmp_path: Path) -> None:
    gauge = Gauge()
    async with engine_with(database, tmp_path, Scripted(gauge), slots=2) as engine:
        first = [await start_job(database)]
        poller = JobPoller(engine.runner)
        await poller.poll()
        jobs = first + [await start_job(database) for _ in range(8)]
        announced = [asyncio.create_task(engine.runner.run_next()) for _ in range(3)]
        await poller.poll()
        async with asyncio.timeout(30):
            while gauge.running < 2:
                await asyncio.sleep(0.01)
        assert not engine.runner.has_free_slot
        for _ in jobs:
            gauge.may_end.release()
        await all_completed(engine, jobs)
        await asyncio.gather(*announced)
        assert (gauge.most, gauge.ran) == (2, 9)
        assert {(await engine.job(job)).attempt for job in jobs} == {1}
        await engine.runner.drain(timedelta(seconds=30))


async def test_a_slot_that_becomes_free_takes_the_next_job_without_another_poll(
    database: Database, tmp_path: Path
) -> None:
    gauge = Gauge()
    async with engine_with(database, tmp_path, Scripted(gauge), slots=1) as engine:
        jobs = [await start_job(database) for _ in range(3)]
        await JobPoller(engine.runner).poll()
        for _ in jobs:
            gauge.may_end.release()
        await all_completed(engine, jobs)
        await engine.runner.drain(timedelta(seconds=30))


async def test_a_poll_of_an_idle_worker_claims_once_and_wastes_no_hint(database: Database, tmp_path: Path) -> None:
    claims = 0

    class Counting(JobLifecycle):
        async def claim(self, **options: object) -> Claim | None:
            nonlocal claims
            claims += 1
            return await super().claim(**options)  # type: ignore[arg-type]

    counting = Counting(database, lease=timedelta(seconds=30), retry=AT_ONCE)
    async with engine_with(database, tmp_path, endless(), lifecycle=counting) as engine:
        await JobPoller(engine.runner).poll()
        assert claims == 1
        await engine.runner.drain(timedelta(0))
        await JobPoller(engine.runner).poll()
        assert claims == 1, "a worker that drains claims nothing"
        assert not engine.runner.hint_wasted


async def test_a_drain_hands_polled_jobs_over(database: Database, tmp_path: Path) -> None:
    provider = endless()
    async with engine_with(database, tmp_path, provider) as engine:
        job = await start_job(database)
        await JobPoller(engine.runner).poll()
        await provider.begun.wait()
        await engine.runner.drain(timedelta(0))
        found = await engine.job(job)
        assert (found.status, found.attempt) == (JobStatus.PENDING, 1)


async def test_a_poll_that_is_cancelled_loses_no_job(database: Database, tmp_path: Path) -> None:
    claiming = asyncio.Event()

    class Slow(JobLifecycle):
        async def claim(self, **options: object) -> Claim | None:
            claim = await super().claim(**options)  # type: ignore[arg-type]
            claiming.set()
            await asyncio.sleep(0)
            return claim

    gauge = Gauge()
    slow = Slow(database, lease=timedelta(seconds=30), retry=AT_ONCE)
    async with engine_with(database, tmp_path, Scripted(gauge), lifecycle=slow) as engine:
        job = await start_job(database)
        polling = asyncio.create_task(JobPoller(engine.runner).poll())
        await claiming.wait()
        polling.cancel()
        await asyncio.wait((polling,))
        gauge.may_end.release()
        await all_completed(engine, [job])
        await engine.runner.drain(timedelta(seconds=30))


async def test_a_poll_without_postgres_says_so(database: Database, tmp_path: Path) -> None:
    class Away(JobLifecycle):
        async def claim(self, **options: object) -> Claim | None:
            raise DatabaseUnavailable

    away = Away(database, lease=timedelta(seconds=30), retry=AT_ONCE)
    async with engine_with(database, tmp_path, endless(), lifecycle=away) as engine:
        with pytest.raises(DatabaseUnavailable):
            await JobPoller(engine.runner).poll()
        assert engine.runner.has_free_slot
