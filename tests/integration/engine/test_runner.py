"""However an attempt ends, its job records the truth, its lease is respected, and nothing is left behind."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle, Renewal, Report
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import JobEvent, JobStatus, Lease, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Music, Project, Shot, Watermark
from render_service.engine.runner import RunnerLimits
from render_service.fetch.policy import FetchPolicy
from render_service.providers.generator import Generation, ReportProgress
from render_service.providers.mock import MockProvider
from render_service.storage.errors import StorageUnavailable
from render_service.storage.keys import attempt_prefix
from render_service.storage.store import ObjectStore
from tests.integration.engine.harness import AT_ONCE, Scripted, endless, engine_with, failing
from tests.objects import put_object
from tests.records import HOUR, claim_next, job_request, start_job


async def test_a_mock_job_ends_with_its_placeholder_address(database: Database, tmp_path: Path) -> None:
    async with engine_with(database, tmp_path, MockProvider(0)) as engine:
        job = await start_job(database)
        assert await engine.runner.run_next()
        job = await engine.job(job)
    assert (job.status, job.progress) == (JobStatus.COMPLETED, 100)
    assert job.raw_results is not None
    assert job.raw_results.video_urls == (f"https://example.com/mock-videos/{job.task_id}.mp4",)


async def test_without_a_due_job_nothing_is_run(database: Database, tmp_path: Path) -> None:
    async with engine_with(database, tmp_path, MockProvider(0)) as engine:
        assert not await engine.runner.run_next()
        await start_job(database)
        ran = await asyncio.gather(*(engine.runner.run_next() for _ in range(4)))
        assert sorted(ran) == [False, False, False, True]


async def test_a_failure_that_another_attempt_cannot_mend_fails_the_job_with_its_reason(
    database: Database, tmp_path: Path
) -> None:
    failure = RenderFailure(ErrorReason.PROVIDER_FAILED, "the prompt was refused", {"shot_id": "one"})
    async with engine_with(database, tmp_path, failing(failure)) as engine:
        job = await start_job(database)
        await engine.runner.run_next()
        job = await engine.job(job)
    assert (job.status, job.attempt) == (JobStatus.FAILED, 1)
    assert job.error is not None
    assert (job.error.reason, job.error.message, job.error.metadata) == (
        ErrorReason.PROVIDER_FAILED,
        "the prompt was refused",
        {"shot_id": "one"},
    )


async def test_a_failure_that_may_pass_is_tried_as_often_as_the_policy_says(database: Database, tmp_path: Path) -> None:
    failure = RenderFailure(ErrorReason.PROVIDER_FAILED, "overloaded", retryable=True)
    async with engine_with(database, tmp_path, failing(failure)) as engine:
        job = await start_job(database)
        for attempt in range(1, AT_ONCE.max_attempts + 1):
            assert not (await engine.job(job)).status.terminal
            assert await engine.runner.run_next()
            assert (await engine.job(job)).attempt == attempt
        assert (await engine.job(job)).status is JobStatus.FAILED
        assert not await engine.runner.run_next()


async def test_a_fault_of_the_service_is_reported_without_its_text(database: Database, tmp_path: Path) -> None:
    async with engine_with(database, tmp_path, failing(ValueError("password=hunter2 in /etc/secrets"))) as engine:
        job = await start_job(database)
        while not (await engine.job(job)).status.terminal:
            await engine.runner.run_next()
        job = await engine.job(job)
        events = await engine.events(job)
    assert job.error is not None
    assert job.error.reason is ErrorReason.INTERNAL
    assert "hunter2" not in repr((job, events))


async def test_a_store_that_is_away_costs_a_job_none_of_its_attempts(database: Database, tmp_path: Path) -> None:
    async with engine_with(database, tmp_path, failing(StorageUnavailable())) as engine:
        job = await start_job(database)
        for _ in range(AT_ONCE.max_attempts + 1):
            assert await engine.runner.run_next()
        assert (await engine.job(job)).status is JobStatus.PENDING


class Renewing(JobLifecycle):
    """Counts the renewals, of which a worker makes one a second."""

    renewals = 0

    async def renew(self, leases: Sequence[Lease], *, no_progress: timedelta) -> dict[UUID, Renewal]:
        self.renewals += 1
        return await super().renew(leases, no_progress=no_progress)


async def test_a_running_job_is_cancelled_with_the_next_renewal_of_its_lease(
    database: Database, tmp_path: Path
) -> None:
    provider = endless()
    renewing = Renewing(database, lease=timedelta(seconds=30), retry=AT_ONCE)
    async with engine_with(database, tmp_path, provider, lifecycle=renewing) as engine:
        job = await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        await engine.lifecycle.cancel("team", job.id)
        before = renewing.renewals
        async with asyncio.timeout(60):
            assert await running
        # One may have been under way.
        assert renewing.renewals - before <= 2
        job = await engine.job(job)
    assert (job.status, job.error) == (JobStatus.CANCELLED, None)
    assert provider.cancelled


async def test_what_an_attempt_stumbles_over_while_it_is_stopped_is_not_why_it_ended(
    database: Database, tmp_path: Path
) -> None:
    async def stumble(work: Generation, report: ReportProgress) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RenderFailure(ErrorReason.PROVIDER_FAILED, "the connection broke while it was closed")

    provider = Scripted(stumble)
    async with engine_with(database, tmp_path, provider) as engine:
        job = await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        await engine.runner.drain(timedelta(0))
        assert await running
        job = await engine.job(job)
        assert job.status is JobStatus.PENDING
        async with database.single() as connection:
            assert await connection.scalar(sa.text("SELECT failed_attempts FROM jobs")) == 0


async def test_an_attempt_that_lost_its_lease_stops_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    provider = endless()
    async with engine_with(database, tmp_path, provider) as engine:
        job = await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        async with database.single() as connection:
            await connection.execute(sa.text("UPDATE jobs SET lease_expires_at = now() - interval '1 s'"))
        await engine.lifecycle.reclaim_expired()
        other = await claim_next(engine.lifecycle)
        before = await engine.job(job)
        async with asyncio.timeout(60):
            assert await running
        assert provider.cancelled
        assert await engine.job(job) == before
        await engine.lifecycle.complete(other.lease, None, None)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (RunnerLimits(timedelta(seconds=1.5), HOUR), ErrorReason.DEADLINE_EXCEEDED),
        (RunnerLimits(HOUR, timedelta(seconds=1.5)), ErrorReason.NO_PROGRESS),
    ],
)
async def test_a_job_that_hangs_is_ended_and_says_why(
    database: Database, tmp_path: Path, limits: RunnerLimits, reason: ErrorReason
) -> None:
    provider = endless()
    async with engine_with(database, tmp_path, provider, limits=limits) as engine:
        job = await start_job(database)
        async with asyncio.timeout(60):
            await engine.runner.run_next()
        job = await engine.job(job)
    assert provider.cancelled
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.reason, job.error.metadata) == (reason, {"seconds": "1.5"})


async def test_a_drain_lets_work_finish_within_its_grace(database: Database, tmp_path: Path) -> None:
    finish = asyncio.Event()

    async def brief(work: Generation, report: ReportProgress) -> None:
        await finish.wait()

    provider = Scripted(brief)
    async with engine_with(database, tmp_path, provider) as engine:
        job = await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        draining = asyncio.create_task(engine.runner.drain(timedelta(seconds=60)))
        await asyncio.sleep(0)
        finish.set()
        await draining
        assert await running
        assert (await engine.job(job)).status is JobStatus.COMPLETED
        await start_job(database)
        assert not await engine.runner.run_next(), "a drained runner claims nothing"


async def test_a_drain_hands_over_what_does_not_finish_and_another_can_claim_it_at_once(
    database: Database, tmp_path: Path
) -> None:
    provider = endless()
    async with engine_with(database, tmp_path, provider) as engine:
        job = await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await provider.begun.wait()
        async with asyncio.timeout(60):
            await engine.runner.drain(timedelta(seconds=0.1))
        assert await running
        assert provider.cancelled
        claim = await claim_next(engine.lifecycle)
    assert (claim.lease.job_id, claim.lease.attempt, claim.lease.failed_attempts) == (job.id, 2, 0)


async def test_a_drain_that_begins_while_a_job_is_claimed_does_not_leave_it_running(
    database: Database, tmp_path: Path
) -> None:
    claiming, go_on = asyncio.Event(), asyncio.Event()

    class Slow(JobLifecycle):
        async def claim(self, *arguments: Any, **options: Any) -> Claim | None:
            claim = await super().claim(*arguments, **options)
            claiming.set()
            await go_on.wait()
            return claim

    provider = endless()
    slow = Slow(database, lease=timedelta(seconds=30), retry=AT_ONCE)
    async with engine_with(database, tmp_path, provider, lifecycle=slow) as engine:
        job = await start_job(database)
        running = asyncio.create_task(engine.runner.run_next())
        await claiming.wait()
        draining = asyncio.create_task(engine.runner.drain(timedelta(0)))
        await asyncio.sleep(0.01)
        go_on.set()
        async with asyncio.timeout(60):
            await draining
            await running
        assert (await engine.job(job)).status is JobStatus.PENDING


class Away(JobLifecycle):
    """Postgres as it is around a restart: the first calls fail, some after their statement was committed."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, lease=timedelta(seconds=30), retry=AT_ONCE)
        self.claims = self.reports = self.completions = 2
        self.commits = False

    async def claim(self, *arguments: Any, **options: Any) -> Claim | None:
        if self.claims:
            self.claims -= 1
            raise DatabaseUnavailable
        return await super().claim(*arguments, **options)

    async def report(self, *arguments: Any, **options: Any) -> Report:
        if self.reports:
            self.reports -= 1
            raise DatabaseUnavailable
        return await super().report(*arguments, **options)

    async def complete(self, *arguments: Any, **options: Any) -> JobEvent:
        if self.completions:
            self.completions -= 1
            if self.commits:
                await super().complete(*arguments, **options)
            raise DatabaseUnavailable
        return await super().complete(*arguments, **options)


def storing(store: Callable[[], ObjectStore]) -> Scripted:
    async def act(work: Generation, report: ReportProgress) -> None:
        key = attempt_prefix(work.lease.workspace_id, work.lease.job_id, work.lease.attempt) + "/video.mp4"
        await put_object(store(), key, b"video", content_type="video/mp4")
        for fraction in (0.2, 0.4, 0.6):
            await report(fraction, "going on")

    return Scripted(act)


async def test_postgres_being_away_for_a_moment_costs_no_attempt(database: Database, tmp_path: Path) -> None:
    async with engine_with(database, tmp_path, storing(lambda: engine.store), lifecycle=Away(database)) as engine:
        job = await start_job(database)
        async with asyncio.timeout(60):
            assert await engine.runner.run_next()
        job = await engine.job(job)
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)


async def test_a_completion_whose_answer_was_lost_keeps_its_video(database: Database, tmp_path: Path) -> None:
    away = Away(database)
    away.claims, away.commits = 0, True
    async with engine_with(database, tmp_path, storing(lambda: engine.store), lifecycle=away) as engine:
        job = await start_job(database)
        await engine.runner.run_next()
        assert (await engine.job(job)).status is JobStatus.COMPLETED
        assert len(await engine.objects()) == 1, "the video of a completed job was removed"


async def test_what_a_failed_attempt_stored_is_removed_and_what_a_completed_one_stored_stays(
    database: Database, tmp_path: Path
) -> None:
    fail = True

    async def act(work: Generation, report: ReportProgress) -> None:
        key = attempt_prefix("team", work.lease.job_id, work.lease.attempt) + "/video.mp4"
        await put_object(engine.store, key, b"video", content_type="video/mp4")
        if fail:
            raise RenderFailure(ErrorReason.PROVIDER_FAILED, "", retryable=True)

    async with engine_with(database, tmp_path, Scripted(act)) as engine:
        job = await start_job(database)
        abandoned = attempt_prefix("team", job.id, 1) + "/of-a-killed-worker.mp4"
        await engine.runner.run_next()
        assert await engine.objects() == []
        await put_object(engine.store, abandoned, b"", content_type="video/mp4")
        fail = False
        await engine.runner.run_next()
        assert await engine.objects() == [attempt_prefix("team", job.id, 2) + "/video.mp4"]


class Paid(Scripted):
    """A provider that makes clips, which cost money."""

    makes_whole_videos = False


async def test_what_can_be_known_is_known_before_a_provider_is_paid(database: Database, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"not a picture")
    (tmp_path / "voice.wav").write_bytes(b"RIFF")
    broken, voice = ((tmp_path / name).as_uri() for name in ("picture.png", "voice.wav"))
    faulty = (
        Project(shots=(Shot("one", "dawn", image_uri=broken),)),
        Project(shots=(Shot("one", "dawn", narration_audio_uri=voice),)),
        Project(shots=(Shot("one", "dawn"),), music=Music(voice)),
        Project(shots=(Shot("one", "dawn"),), watermark=Watermark(broken)),
        Project(shots=(Shot("one", "dawn"),), intro_clip_uri=broken),
        Project(shots=(Shot("one", "dawn", caption="\U00013080"),)),
    )
    paid = Paid(failing(AssertionError("paid"))._act)
    policy = FetchPolicy(file_roots=(tmp_path,))
    async with engine_with(database, tmp_path, paid, name=ProviderName.RUNWAY, policy=policy) as engine:
        for project in faulty:
            spec = RenderSpec(project, OutputSpec(256, 144, 25, Quality.DRAFT))
            job = await start_job(database, job_request(provider=ProviderName.RUNWAY, spec=spec))
            await engine.runner.run_next()
            ended = await engine.job(job)
            assert (ended.status, ended.attempt) == (JobStatus.FAILED, 1)
            assert ended.error is not None
            assert ended.error.reason in (ErrorReason.ASSET_INVALID, ErrorReason.GLYPH_MISSING)
            assert not paid.begun.is_set()
        await engine.compositor.close()
