"""Each change of a job's state happens from the right state under the right lease, and changes nothing otherwise."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.db.jobs.jobs import Jobs
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import (
    JobError,
    JobEvent,
    JobStage,
    JobStatus,
    Lease,
    ProviderName,
    RawResults,
)
from render_service.domain.retry import RetryPolicy
from render_service.domain.warning import JobWarning, WarningCode
from tests.integration.db.lifecycle import AT_ONCE, ERROR, EXPIRED, job_of, milestones_of, row_of
from tests.records import HOUR, SPEC, VIDEO, claim_next, job_request, lifecycle_of, start_job


async def test_a_claim_takes_the_job_that_has_waited_longest_and_returns_all_that_a_worker_needs(
    database: Database,
) -> None:
    first, second = await start_job(database), await start_job(database)
    lifecycle = lifecycle_of(database)
    claim = await claim_next(lifecycle)
    assert claim.lease.job_id == first.id
    assert (claim.lease.attempt, claim.lease.failed_attempts) == (1, 0)
    assert (claim.provider, claim.spec) == (ProviderName.MOCK, SPEC)
    assert (claim.event.status, claim.event.stage, claim.event.sequence) == (
        JobStatus.PROCESSING,
        JobStage.PREPARING,
        2,
    )
    job = await job_of(database, first.id)
    assert job.status is JobStatus.PROCESSING
    assert job.start_time is not None
    assert abs(datetime.now(UTC) - job.start_time) < timedelta(minutes=1)
    assert (await claim_next(lifecycle)).lease.job_id == second.id
    assert await lifecycle.claim(worker="w", providers=list(ProviderName), deadline=HOUR) is None
    assert await milestones_of(database, first.id) == [(1, "PENDING"), (2, "PROCESSING/PREPARING")]


async def test_a_job_whose_key_is_shared_is_neither_skipped_nor_waited_for(database: Database) -> None:
    """A delivery that ends, or a foreign key that is checked, locks the job's key and changes nothing of the job."""
    job = await start_job(database)
    lifecycle, outbox = lifecycle_of(database, lease=timedelta(0)), JobOutbox(database)
    async with database.transaction() as sharing, asyncio.timeout(60):
        await sharing.execute(sa.text("SELECT FROM jobs WHERE id = :id FOR KEY SHARE"), {"id": job.id})
        assert await outbox.take() == [job.id]
        assert await outbox.forget_stale(age=timedelta(0)) == 1
        assert (await claim_next(lifecycle)).lease.job_id == job.id
        assert [event.status for event in await lifecycle.reclaim_expired()] == [JobStatus.PENDING]
        lease = (await claim_next(lifecycle)).lease
        assert (await lifecycle.end_attempt(lease, ERROR, retryable=False)).status is JobStatus.FAILED


async def test_a_claim_leaves_jobs_of_providers_that_the_worker_does_not_serve(database: Database) -> None:
    await start_job(database)
    local = await start_job(database, job_request(provider=ProviderName.LOCAL))
    claim = await lifecycle_of(database).claim(worker="w", providers=[ProviderName.LOCAL], deadline=HOUR)
    assert claim is not None
    assert claim.lease.job_id == local.id


async def test_many_workers_claiming_at_once_never_take_the_same_job(database: Database) -> None:
    ids = {(await start_job(database)).id for _ in range(12)}
    lifecycle = lifecycle_of(database)
    claims = await asyncio.gather(
        *(lifecycle.claim(worker=f"w{n}", providers=list(ProviderName), deadline=HOUR) for n in range(20))
    )
    taken = [claim.lease.job_id for claim in claims if claim is not None]
    assert sorted(taken) == sorted(ids)


async def test_warnings_are_stored_when_they_are_met_and_not_repeated_with_all_progress(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    first = (JobWarning(WarningCode.ASSET_REPLACED, "one.image_uri: empty", "one", "image_uri"),)
    both = (*first, JobWarning(WarningCode.CAPTION_TOO_FAST, "one.caption: too fast", "one", "caption"))

    async def report(stage: JobStage, warnings: tuple[JobWarning, ...] | None, *, new: bool = False) -> JobEvent:
        report = await lifecycle.report(lease, stage=stage, progress=3, message="", warnings=warnings)
        return report.event

    assert (await report(JobStage.PREPARING, first)).warnings == first
    assert (await Jobs(database).get("team", job.id)).warnings == first
    assert (await report(JobStage.PREPARING, None)).warnings == ()
    assert (await report(JobStage.COMPOSING, both, new=True)).warnings == both
    assert (await report(JobStage.CHECKING, None, new=True)).warnings == both
    assert (await Jobs(database).get("team", job.id)).warnings == both


async def test_a_report_stores_progress_and_only_a_new_stage_becomes_history(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    before = (await row_of(database, job.id))["lease_expires_at"]
    reported = await lifecycle.report(lease, stage=JobStage.PREPARING, progress=3, message="fetching")
    assert (reported.event.sequence, reported.event.progress, reported.event.is_milestone) == (3, 3, False)
    assert not reported.cancel_requested
    reported = await lifecycle.report(lease, stage=JobStage.COMPOSING, progress=40, message="frames")
    assert (reported.event.sequence, reported.event.milestone, reported.event.is_milestone) == (4, 3, True)
    assert await milestones_of(database, job.id) == [
        (1, "PENDING"),
        (2, "PROCESSING/PREPARING"),
        (4, "PROCESSING/COMPOSING"),
    ]
    after = (await row_of(database, job.id))["lease_expires_at"]
    assert isinstance(before, datetime)
    assert isinstance(after, datetime)
    assert after > before, "a report renews the lease"


async def test_progress_never_falls_within_an_attempt(database: Database) -> None:
    await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    for sent, stored in ((50, 50), (20, 50), (60, 60)):
        reported = await lifecycle.report(lease, stage=JobStage.PREPARING, progress=sent, message="")
        assert reported.event.progress == stored


async def test_completing_stores_the_video_and_ends_the_job(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    results = RawResults("completed", ("https://example.com/v.mp4",), {"n": 1})
    event = await lifecycle.complete(lease, results, VIDEO)
    assert (event.status, event.progress, event.stage) == (JobStatus.COMPLETED, 100, None)
    job = await job_of(database, job.id)
    assert (job.status, job.progress, job.video, job.raw_results) == (JobStatus.COMPLETED, 100, VIDEO, results)
    assert job.end_time is not None
    assert await lifecycle.was_completed_by(lease)
    assert not await lifecycle.was_completed_by(replace(lease, attempt=2))


async def test_a_job_without_a_stored_video_can_complete(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    await lifecycle.complete((await claim_next(lifecycle)).lease, RawResults("completed"), None)
    job = await job_of(database, job.id)
    assert job.status is JobStatus.COMPLETED
    assert job.video is None


async def test_a_failed_attempt_waits_and_is_repeated_until_the_policy_says_enough(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, retry=AT_ONCE)
    first = await lifecycle.end_attempt((await claim_next(lifecycle)).lease, ERROR, retryable=True)
    assert first.status is JobStatus.PENDING
    assert ERROR.message in first.message
    assert first.error is None, "a job that is tried again has not failed"
    claim = await claim_next(lifecycle)
    assert (claim.lease.attempt, claim.lease.failed_attempts) == (2, 1)
    assert claim.event.progress == 0, "an attempt begins at nothing"
    last = await lifecycle.end_attempt(claim.lease, ERROR, retryable=True)
    assert last.status is JobStatus.FAILED
    job = await job_of(database, job.id)
    assert (job.status, job.error) == (JobStatus.FAILED, ERROR)


async def test_an_attempt_that_cannot_succeed_is_not_repeated(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    event = await lifecycle.end_attempt((await claim_next(lifecycle)).lease, ERROR, retryable=False)
    assert (event.status, event.error) == (JobStatus.FAILED, replace(ERROR, metadata={}))
    assert (await job_of(database, job.id)).error == ERROR


async def test_a_job_that_waits_for_another_attempt_is_not_claimed_before_its_time(database: Database) -> None:
    await start_job(database)
    lifecycle = lifecycle_of(database, retry=RetryPolicy(base=timedelta(hours=1), cap=timedelta(hours=1)))
    await lifecycle.end_attempt((await claim_next(lifecycle)).lease, ERROR, retryable=True)
    assert await lifecycle.claim(worker="w", providers=list(ProviderName), deadline=HOUR) is None


async def test_attempts_that_were_not_the_jobs_fault_are_not_counted_but_end_with_its_deadline(
    database: Database,
) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, retry=AT_ONCE)
    away = JobError(ErrorReason.STORE_UNAVAILABLE, "the object store is away")
    for _ in range(4):
        claim = await claim_next(lifecycle)
        assert claim.lease.failed_attempts == 0
        event = await lifecycle.end_attempt(claim.lease, away, retryable=True, counted=False)
        assert event.status is JobStatus.PENDING
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE jobs SET deadline_at = now() - interval '1 second'"))
    event = await lifecycle.end_attempt((await claim_next(lifecycle)).lease, away, retryable=True, counted=False)
    assert event.status is JobStatus.FAILED
    assert (await job_of(database, job.id)).error == away


async def test_a_job_that_succeeds_after_a_failed_attempt_shows_no_error(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, retry=AT_ONCE)
    await lifecycle.end_attempt((await claim_next(lifecycle)).lease, ERROR, retryable=True)
    event = await lifecycle.complete((await claim_next(lifecycle)).lease, None, VIDEO)
    assert event.error is None
    assert (await job_of(database, job.id)).error is None


async def test_a_released_job_is_claimed_at_once_and_nothing_counts_as_failed(database: Database) -> None:
    await start_job(database)
    lifecycle = lifecycle_of(database)
    event = await lifecycle.release((await claim_next(lifecycle)).lease)
    assert event.status is JobStatus.PENDING
    claim = await claim_next(lifecycle)
    assert (claim.lease.attempt, claim.lease.failed_attempts) == (2, 0)


async def test_an_expired_lease_lets_another_attempt_begin(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, lease=EXPIRED)
    await claim_next(lifecycle)
    await asyncio.sleep(0.01)
    (event,) = await lifecycle.reclaim_expired()
    assert (event.job_id, event.status) == (job.id, JobStatus.PENDING)
    assert await lifecycle.reclaim_expired() == []
    assert (await claim_next(lifecycle)).lease.attempt == 2


async def test_a_lease_that_has_not_expired_is_not_taken_away(database: Database) -> None:
    await start_job(database)
    lifecycle = lifecycle_of(database)
    await claim_next(lifecycle)
    assert await lifecycle.reclaim_expired() == []


async def test_a_job_that_lost_every_worker_fails_with_the_number_of_attempts(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, lease=EXPIRED, retry=AT_ONCE)
    for status in (JobStatus.PENDING, JobStatus.FAILED):
        await claim_next(lifecycle)
        await asyncio.sleep(0.01)
        (event,) = await lifecycle.reclaim_expired()
        assert event.status is status
    error = (await job_of(database, job.id)).error
    assert error is not None
    assert (error.reason, error.metadata) == (ErrorReason.ATTEMPTS_EXHAUSTED, {"attempts": "2"})


async def test_a_lost_job_past_its_deadline_fails_for_that(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, lease=EXPIRED)
    await claim_next(lifecycle, deadline=EXPIRED)
    await asyncio.sleep(0.01)
    await lifecycle.reclaim_expired()
    error = (await job_of(database, job.id)).error
    assert error is not None
    assert error.reason is ErrorReason.DEADLINE_EXCEEDED


async def test_the_deadline_counts_from_the_first_attempt(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    await lifecycle.release((await claim_next(lifecycle, deadline=HOUR)).lease)
    first = (await row_of(database, job.id))["deadline_at"]
    await claim_next(lifecycle, deadline=10 * HOUR)
    assert (await row_of(database, job.id))["deadline_at"] == first


async def test_a_waiting_job_is_cancelled_at_once(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    event = await lifecycle.cancel("team", job.id)
    assert event is not None
    assert (event.status, event.sequence) == (JobStatus.CANCELLED, 2)
    assert (await job_of(database, job.id)).end_time is not None
    assert await lifecycle.claim(worker="w", providers=list(ProviderName), deadline=HOUR) is None
    assert await lifecycle.cancel("team", job.id) is None, "cancelling twice changes nothing"
    assert await milestones_of(database, job.id) == [(1, "PENDING"), (2, "CANCELLED")]


@pytest.mark.parametrize("end", ["release", "end_attempt", "reclaim"])
async def test_a_running_job_that_is_to_be_cancelled_ends_as_cancelled_however_its_attempt_ends(
    database: Database, end: str
) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database, lease=EXPIRED if end == "reclaim" else timedelta(seconds=30))
    lease = (await claim_next(lifecycle)).lease
    assert await lifecycle.cancel("team", job.id) is None, "its worker is asked, and ends it"
    assert (await job_of(database, job.id)).status is JobStatus.PROCESSING
    if end == "reclaim":
        await asyncio.sleep(0.01)
        (event,) = await lifecycle.reclaim_expired()
    elif end == "release":
        event = await lifecycle.release(lease)
    else:
        event = await lifecycle.end_attempt(lease, ERROR, retryable=True)
    assert (event.status, event.error) == (JobStatus.CANCELLED, None)
    assert (await job_of(database, job.id)).error is None


async def test_a_running_job_learns_of_its_cancellation_with_its_next_write(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    await lifecycle.cancel("team", job.id)
    reported = await lifecycle.report(lease, stage=JobStage.PREPARING, progress=1, message="")
    assert reported.cancel_requested
    renewed = await lifecycle.renew([lease], no_progress=HOUR)
    assert renewed[lease.token].cancel_requested


async def test_another_workspace_cannot_cancel(database: Database) -> None:
    job = await start_job(database)
    assert await lifecycle_of(database).cancel("other", job.id) is None
    assert (await job_of(database, job.id)).status is JobStatus.PENDING


async def test_renewing_finds_what_ends_an_attempt(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    leases: list[Lease] = []
    for _ in range(3):
        await start_job(database)
        leases.append((await claim_next(lifecycle)).lease)
    sound, late, lost = leases
    async with database.single() as connection:
        await connection.execute(
            sa.text("UPDATE jobs SET deadline_at = now() - interval '1 s' WHERE id = :id"), {"id": late.job_id}
        )
    found = await lifecycle.renew([sound, late, replace(lost, token=uuid4())], no_progress=HOUR)
    assert set(found) == {sound.token, late.token}
    assert (found[sound.token].past_deadline, found[sound.token].stuck) == (False, False)
    assert found[late.token].past_deadline
    await asyncio.sleep(0.02)
    stuck = await lifecycle.renew([sound], no_progress=timedelta(milliseconds=10))
    assert stuck[sound.token].stuck


async def test_only_getting_further_counts_as_progress(database: Database) -> None:
    job = await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    claimed = (await row_of(database, job.id))["progressed_at"]
    await lifecycle.report(lease, stage=JobStage.PREPARING, progress=0, message="still here")
    assert (await row_of(database, job.id))["progressed_at"] == claimed
    await lifecycle.report(lease, stage=JobStage.PREPARING, progress=1, message="further")
    assert (await row_of(database, job.id))["progressed_at"] != claimed
