"""A cancel reaches the provider soon, whatever else is under way."""

import asyncio
from datetime import timedelta
from pathlib import Path

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim
from render_service.domain.jobs.job import ProviderName
from render_service.providers.generation.cancellation import OrphanCanceller
from render_service.providers.provider_api import ProviderApi
from tests.fakes.custom import FakeCustom
from tests.fakes.generating import GeneratingApi, TaskPlan
from tests.fakes.http_server import Fault
from tests.fakes.runway import FakeRunway
from tests.generation_bench import GenerationBench, open_bench, spec_of

RUNWAY, CUSTOM = ProviderName.RUNWAY, ProviderName.CUSTOM
HANGING_SECONDS = 60.0
SOON_SECONDS = 20.0


def hang(fake: GeneratingApi, method: str) -> None:
    """Let requests of a method wait for their answer from now on."""
    fake.chooser = lambda request: Fault(delay=HANGING_SECONDS) if request.method == method else None


async def generating(
    bench: GenerationBench, fake: GeneratingApi, name: ProviderName, shots: int
) -> tuple[Claim, "asyncio.Task[object]"]:
    """A job whose clips are all submitted and take a while."""
    fake.plan = lambda body: TaskPlan(running=3600)
    claim = await bench.claimed(name, spec_of(*(f"{name} {number}" for number in range(shots))))
    attempt: asyncio.Task[object] = asyncio.create_task(bench.generate(claim))
    async with asyncio.timeout(120):
        while len(fake.bill) < shots:
            await asyncio.sleep(0.02)
    return claim, attempt


async def cancel(bench: GenerationBench, claim: Claim, attempt: "asyncio.Task[object]") -> None:
    """Cancel a job as the service does."""
    await bench.lifecycle.cancel("team", claim.lease.job_id)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    await bench.lifecycle.release(claim.lease)


async def all_cancelled(fake: GeneratingApi) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not all(task.cancelled for task in fake.tasks.values()):
            await asyncio.sleep(0.02)


async def test_polls_that_hang_do_not_delay_a_cancel(database: Database, tmp_path: Path) -> None:
    async with (
        FakeRunway() as fake,
        open_bench(database, tmp_path, {RUNWAY: fake.url}, concurrency=100, request_seconds=HANGING_SECONDS) as bench,
    ):
        hang(fake, "GET")
        # More than there may be polls at a time.
        claim, attempt = await generating(bench, fake, RUNWAY, 70)
        async with asyncio.timeout(120):
            while sum(request.method == "GET" for request in fake.requests) < 50:
                await asyncio.sleep(0.02)
        await cancel(bench, claim, attempt)
        stopping = asyncio.create_task(bench.canceller.cancel_all())
        await all_cancelled(fake)
        await stopping


async def test_a_provider_that_does_not_answer_keeps_no_other_waiting(database: Database, tmp_path: Path) -> None:
    async with FakeRunway() as silent, FakeCustom() as other:
        urls = {RUNWAY: silent.url, CUSTOM: other.url}
        async with open_bench(database, tmp_path, urls, request_seconds=HANGING_SECONDS) as bench:
            hang(silent, "DELETE")
            jobs = [await generating(bench, silent, RUNWAY, 3), await generating(bench, other, CUSTOM, 3)]
            providers: dict[ProviderName, ProviderApi] = {name: one.api for name, one in bench.submissions.items()}
            abandoned = OrphanCanceller(
                bench.ledger, providers, interval_seconds=0.05, timeout=timedelta(seconds=HANGING_SECONDS)
            )
            looking = asyncio.create_task(abandoned.run())
            await cancel(bench, *jobs[0])
            async with asyncio.timeout(SOON_SECONDS):
                while not any(request.method == "DELETE" for request in silent.requests):
                    await asyncio.sleep(0.02)
            await cancel(bench, *jobs[1])
            await all_cancelled(other)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def test_a_cancel_without_an_answer_is_sent_again(database: Database, tmp_path: Path) -> None:
    async with (
        FakeRunway() as fake,
        open_bench(database, tmp_path, {RUNWAY: fake.url}, request_seconds=HANGING_SECONDS) as bench,
    ):
        fake.faults = [
            ("DELETE", Fault(delay=HANGING_SECONDS)),
            ("DELETE", Fault(drop=True)),
            ("DELETE", Fault(status=500)),
        ]
        claim, attempt = await generating(bench, fake, RUNWAY, 1)
        await cancel(bench, claim, attempt)
        providers: dict[ProviderName, ProviderApi] = {RUNWAY: bench.submissions[RUNWAY].api}
        abandoned = OrphanCanceller(bench.ledger, providers, interval_seconds=0.05, timeout=timedelta(milliseconds=300))
        looking = asyncio.create_task(abandoned.run())
        await all_cancelled(fake)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
