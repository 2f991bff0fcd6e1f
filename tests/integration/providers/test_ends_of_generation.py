"""Tasks at providers end with their job, places are shared, and writes are fenced."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from render_service.db.database import Database
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.job import JobStage, ProviderName
from tests.fakes.generating import TaskPlan
from tests.fakes.http_server import Request
from tests.generation_bench import GenerationBench, open_bench, spec_of
from tests.integration.providers.generating import CUSTOM, PIKA, RUNWAY, Fakes, waiting


@pytest.mark.parametrize("name", [RUNWAY, PIKA, CUSTOM])
async def test_cancelling_a_job_stops_its_tasks_at_the_provider(
    bench: GenerationBench, fakes: Fakes, name: ProviderName
) -> None:
    fakes[name].plan = lambda body: TaskPlan(running=60)
    claim = await bench.claimed(name, spec_of("dawn", "noon"))
    attempt = asyncio.create_task(bench.generate(claim))
    while len(fakes[name].bill) < 2:
        await asyncio.sleep(0.02)
    await bench.lifecycle.cancel("team", claim.lease.job_id)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    await bench.canceller.cancel_all()
    assert not any(task.cancelled for task in fakes[name].tasks.values())
    await bench.lifecycle.release(claim.lease)
    await bench.canceller.cancel_all()
    assert all(task.cancelled for task in fakes[name].tasks.values())
    fakes[name].plan = lambda body: TaskPlan()
    assert len((await bench.run(name, spec_of("dawn"))).clips) == 1


async def test_a_task_that_never_ends_is_stopped(bench: GenerationBench, fakes: Fakes) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(running=3600)
    bench.limits = replace(bench.limits, task_timeout=timedelta(milliseconds=300))
    with pytest.raises(RenderFailure) as failed:
        await bench.run(RUNWAY, spec_of("dawn"))
    assert failed.value.metadata["code"] == "TIMED_OUT"
    assert [task.cancelled for task in fakes[RUNWAY].tasks.values()] == [True]


async def test_waiting_is_reported_with_its_cause(bench: GenerationBench, fakes: Fakes) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(throttled=1.2, running=0.6)
    fakes[PIKA].plan = lambda body: TaskPlan(queued=1.2, running=0.6)
    await bench.run(RUNWAY, spec_of("dawn"))
    assert any("throttled by runway" in message for _, message in bench.reported)
    await bench.run(PIKA, spec_of("dawn"))
    assert any("position 3 in the queue" in message for _, message in bench.reported)
    assert bench.reported[-1] == (1.0, "Generating clips: 1 of 1 done")


async def test_places_are_shared_by_all_workers_and_dealt_out_in_turn(
    database: Database, tmp_path: Path, fakes: Fakes
) -> None:
    fake = fakes[RUNWAY]
    fake.plan = lambda body: TaskPlan(running=3600)
    most = 0

    def count(request: Request) -> None:
        nonlocal most
        most = max(most, sum(task.phase == "running" for task in fake.tasks.values()))

    fake.chooser = count
    urls = {RUNWAY: fake.url}
    async with (
        open_bench(database, tmp_path / "a", urls, concurrency=3) as one,
        open_bench(database, tmp_path / "b", urls, concurrency=3) as two,
    ):
        large = await one.claimed(RUNWAY, spec_of(*(f"large {n}" for n in range(12))), workspace="large")
        first = asyncio.create_task(one.generate(large))
        while len(fake.bill) < 3:
            await asyncio.sleep(0.02)
        small = await two.claimed(RUNWAY, spec_of("small 1", "small 2"), workspace="small")
        second = asyncio.create_task(two.generate(small))
        while await waiting(database, "small") < 2:
            await asyncio.sleep(0.02)
        for made in range(3, 15, 3):
            for task in fake.tasks.values():
                task.plan = TaskPlan(running=0)
            while len(fake.bill) < min(made + 3, 14):
                await asyncio.sleep(0.02)
        for task in fake.tasks.values():
            task.plan = TaskPlan(running=0)
        await asyncio.gather(first, second)
    assert most <= 3
    order = [body["promptText"].split()[0] for body in fake.bill]
    # Three of the large job ran already; of the next three, and of the three after them, one each is for the other.
    assert order.index("small") <= 5
    assert [n for n, word in enumerate(order) if word == "small"][1] <= 8


async def test_the_lease_fences_what_is_written(bench: GenerationBench, fakes: Fakes) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(running=0.4)
    first = await bench.claimed(RUNWAY, spec_of("dawn"))
    frozen = asyncio.create_task(bench.generate(first))
    while not fakes[RUNWAY].bill:
        await asyncio.sleep(0.01)
    await bench.lifecycle.release(first.lease)
    second = await bench.claim()
    made = await bench.generate(second)
    assert set(made.clips) == {"s1"}
    await asyncio.gather(frozen, return_exceptions=True)
    assert len(fakes[RUNWAY].bill) == 1
    await bench.lifecycle.report(second.lease, stage=JobStage.COMPOSING, progress=60, message="goes on")
