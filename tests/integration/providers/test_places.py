"""Places at a provider that a lost worker held are free again, and not before."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger, SlotRequest
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, TaskFault, TaskState
from render_service.domain.jobs.job import JobError, ProviderName
from render_service.domain.retry import RetryPolicy
from tests.fakes.generating import TaskPlan
from tests.fakes.runway import FakeRunway
from tests.generation_bench import open_bench, spec_of
from tests.records import claim_next, job_request, lifecycle_of, start_job

RUNWAY = ProviderName.RUNWAY
ONE_PLACE = 1
AT_ONCE = RetryPolicy(max_attempts=1000, base=timedelta(0))


@pytest.fixture
def lifecycle(database: Database) -> JobLifecycle:
    return lifecycle_of(database, retry=AT_ONCE)


@pytest.fixture
def ledger(database: Database) -> GenerationLedger:
    return GenerationLedger(database)


class Clip:
    """A job with one clip that waits for a place."""

    def __init__(self, ledger: GenerationLedger, claim: Claim, task_id: UUID) -> None:
        self.ledger = ledger
        self.claim = claim
        self.task_id = task_id

    async def is_granted(self) -> bool:
        asking = [SlotRequest(self.task_id, self.claim.lease)]
        return bool(await self.ledger.grant(RUNWAY, ONE_PLACE, asking))

    async def order(self) -> None:
        assert await self.is_granted()
        assert await self.ledger.submitted(self.claim.lease, self.task_id, ExternalTask(str(self.task_id)))


@pytest.fixture
async def clips(database: Database, ledger: GenerationLedger, lifecycle: JobLifecycle) -> list[Clip]:
    """Two jobs, of which both want the one place."""
    made = []
    for number in range(2):
        await start_job(database, job_request(provider=RUNWAY, spec=spec_of(f"shot {number}")))
        claim = await claim_next(lifecycle)
        key = bytes([number]) * 32
        await ledger.open(claim.lease, key, shot_id="s1", provider=RUNWAY, model="gen4.5")
        live = await ledger.live(claim.lease, key)
        assert live is not None
        made.append(Clip(ledger, claim, live.task.id))
    return made


async def lose(database: Database, lifecycle: JobLifecycle, clip: Clip) -> None:
    """Let the lease of a job expire, as when its worker is killed, and its job wait for another."""
    async with database.single() as connection:
        await connection.execute(
            sa.text("UPDATE jobs SET lease_expires_at = now() - interval '1 second' WHERE id = :id"),
            {"id": clip.claim.lease.job_id},
        )
    assert len(await lifecycle.reclaim_expired()) == 1


async def let_pass(database: Database, time: timedelta) -> None:
    """Make all submissions older by some time."""
    async with database.single() as connection:
        await connection.execute(
            sa.text("UPDATE provider_tasks SET submitted_at = submitted_at - :time, intent_at = intent_at - :time"),
            {"time": time},
        )


async def test_a_clip_keeps_its_place_while_its_job_is_worked_on(database: Database, clips: list[Clip]) -> None:
    first, second = clips
    await first.order()
    await let_pass(database, timedelta(hours=2))
    assert not await second.is_granted()


async def test_a_lost_workers_clip_keeps_its_place_for_a_minute_and_no_longer(
    database: Database, lifecycle: JobLifecycle, clips: list[Clip]
) -> None:
    first, second = clips
    await first.order()
    await lose(database, lifecycle, first)
    assert not await second.is_granted(), "the provider is still making it"
    await let_pass(database, timedelta(seconds=50))
    assert not await second.is_granted()
    await let_pass(database, timedelta(seconds=11))
    assert await second.is_granted()


async def test_the_place_of_a_worker_that_was_lost_while_ordering_is_kept_as_long(
    database: Database, lifecycle: JobLifecycle, clips: list[Clip]
) -> None:
    first, second = clips
    assert await first.is_granted()
    await lose(database, lifecycle, first)
    assert not await second.is_granted()
    await let_pass(database, timedelta(seconds=61))
    assert await second.is_granted()


async def test_a_worker_that_takes_over_a_lost_job_gets_its_place_and_frees_it_at_the_end(
    database: Database, ledger: GenerationLedger, lifecycle: JobLifecycle, clips: list[Clip]
) -> None:
    first, second = clips
    await first.order()
    await lose(database, lifecycle, first)
    await let_pass(database, timedelta(seconds=61))
    again = await claim_next(lifecycle)
    assert again.lease.job_id == first.claim.lease.job_id
    assert not await second.is_granted()
    fault = TaskFault(ErrorReason.PROVIDER_FAILED, "it failed")
    await ledger.settle(again.lease, first.task_id, TaskState.FAILED, fault)
    assert await second.is_granted()


async def test_an_order_whose_outcome_is_unknown_holds_no_place(
    database: Database, ledger: GenerationLedger, lifecycle: JobLifecycle, clips: list[Clip]
) -> None:
    first, second = clips
    assert await first.is_granted()
    await lose(database, lifecycle, first)
    again = await claim_next(lifecycle)
    unknown = TaskFault(ErrorReason.SUBMIT_OUTCOME_UNKNOWN, "the worker was lost")
    await ledger.settle(again.lease, first.task_id, TaskState.UNKNOWN, unknown)
    assert await second.is_granted()


async def test_a_job_that_has_ended_holds_no_place(lifecycle: JobLifecycle, clips: list[Clip]) -> None:
    first, second = clips
    await first.order()
    await lifecycle.end_attempt(first.claim.lease, JobError(ErrorReason.INTERNAL, "it broke"), retryable=False)
    assert await second.is_granted()


async def test_a_lost_worker_keeps_nobody_waiting_by_its_turn(
    database: Database, lifecycle: JobLifecycle, clips: list[Clip]
) -> None:
    first, second = clips
    assert not await second.is_granted(), "the first one's turn comes before"
    await lose(database, lifecycle, first)
    assert await second.is_granted()


async def test_jobs_that_wait_for_the_place_of_a_lost_job_do_not_keep_it_from_going_on(
    database: Database, tmp_path: Path
) -> None:
    """A worker with one slot, whose job waits for a place that a job without a worker holds."""
    async with FakeRunway() as fake, open_bench(database, tmp_path, {RUNWAY: fake.url}, concurrency=1) as bench:
        fake.plan = lambda body: TaskPlan(running=3600)
        lost = await bench.claimed(RUNWAY, spec_of("lost"))
        ledger = bench.ledger
        await ledger.open(lost.lease, bytes(32), shot_id="s1", provider=RUNWAY, model="gen4.5")
        live = await ledger.live(lost.lease, bytes(32))
        assert live is not None
        clip = Clip(ledger, lost, live.task.id)
        await clip.order()
        await lose(database, bench.lifecycle, clip)
        await let_pass(database, timedelta(seconds=61))
        fake.plan = lambda body: TaskPlan()
        await start_job(database, job_request(provider=RUNWAY, spec=spec_of("waits"), workspace="others"))
        async with database.single() as connection:
            await connection.execute(
                sa.text("UPDATE jobs SET run_after = now() + interval '1 hour' WHERE id = :id"),
                {"id": lost.lease.job_id},
            )
        made = await bench.generate(await bench.claim())
        assert set(made.clips) == {"s1"}
