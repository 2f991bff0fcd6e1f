"""The ledger under fire: workers are killed and the network breaks at random, and every clip is paid once.

`make ledger` runs it at length, with 500 shots and 10 kills.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.schema import jobs, provider_tasks
from render_service.domain.jobs.job import ProviderName
from render_service.domain.retry import RetryPolicy
from tests.fakes.custom import FakeCustom
from tests.fakes.generating import GeneratingApi, Output, TaskPlan
from tests.fakes.http_server import Fault, Request
from tests.fakes.runway import FakeRunway
from tests.generation_bench import spec_of
from tests.generation_worker import LEASE
from tests.records import job_request, lifecycle_of, start_job

REPOSITORY = Path(__file__).parents[3]
SEED = 20261
JOBS = int(os.environ.get("LEDGER_JOBS", "4"))
SHOTS = 25 * JOBS
KILLS = JOBS // 2
SHOTS_WITHOUT_KEYS = 40


class Workers:
    """Worker processes of which one is killed now and then, and replaced."""

    def __init__(self, count: int, *arguments: str) -> None:
        self._arguments = arguments
        self._count = count
        self._processes: list[asyncio.subprocess.Process] = []
        self.kills = 0

    async def start(self) -> None:
        while len(self._processes) < self._count:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.generation_worker", *self._arguments, cwd=REPOSITORY, stdout=-1
            )
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
            self._processes.append(process)

    async def kill_one(self) -> None:
        process = self._processes.pop(0)
        assert process.returncode is None, "a worker ended by itself"
        process.kill()
        await process.wait()
        self.kills += 1

    async def stop(self) -> None:
        while self._processes:
            await self.kill_one()


class Faults:
    """Breaks about every sixth request in one of the ways a network and a provider can."""

    def __init__(self, chance: random.Random, *, lost: bool) -> None:
        self._chance = chance
        self._order = [Fault(status=429, retry_after="0.1"), Fault(status=503), Fault(delay=0.3)]
        if lost:
            self._order += [Fault(drop=True, after=True), Fault(drop=True), Fault(status=500, after=True)]
        self._look = [Fault(status=502), Fault(drop=True), Fault(status=429, retry_after="0.1"), Fault(delay=0.3)]

    def __call__(self, request: Request) -> Fault | None:
        if self._chance.random() > 1 / 6:
            return None
        return self._chance.choice(self._order if request.method == "POST" else self._look)


def plan(chance: random.Random) -> TaskPlan:
    output = chance.choice([Output.CLIP] * 8 + [Output.EXPIRED_ONCE, Output.TRUNCATED_ONCE])
    return TaskPlan(queued=chance.random() * 0.2, running=chance.random() * 0.4, output=output)


async def run_to_the_end(database: Database, workers: Workers, *, kills: int, seconds: float) -> None:
    """Let workers work, kill one every second or two, and take their leases away, until all jobs have ended."""
    chance = random.Random(SEED)
    lifecycle = lifecycle_of(database, lease=LEASE, retry=RetryPolicy(max_attempts=1000))
    began, next_kill = time.monotonic(), 0.5
    try:
        while True:
            assert time.monotonic() - began < seconds, "the jobs do not come to an end"
            await workers.start()
            await asyncio.sleep(0.1)
            await lifecycle.reclaim_expired()
            async with database.single() as connection:
                left = await connection.scalar(
                    sa.select(sa.func.count()).where(jobs.c.status.in_(["PENDING", "PROCESSING"]))
                )
            if not left:
                return
            if workers.kills < kills and time.monotonic() - began > next_kill:
                await workers.kill_one()
                next_kill = time.monotonic() - began + 0.5 + chance.random()
    finally:
        await workers.stop()


async def count_by(database: Database, column: "sa.Column[object]") -> Counter[str]:
    async with database.single() as connection:
        return Counter(str(row[0]) for row in await connection.execute(sa.select(column)))


async def test_every_shot_is_paid_once_no_matter_who_is_killed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with FakeCustom() as fake:
        fake.tiny_clips = True
        fake.chooser = Faults(random.Random(SEED), lost=True)
        chance = random.Random(SEED + 1)
        fake.plan = lambda body: plan(chance)
        for number in range(JOBS):
            spec = spec_of(*(f"shot {number}.{shot}" for shot in range(25)), seconds=1)
            await start_job(database, job_request(provider=ProviderName.CUSTOM, spec=spec))
        workers = Workers(2, database_url, str(tmp_path), "custom", fake.url)
        await run_to_the_end(database, workers, kills=KILLS, seconds=400)
        assert await count_by(database, jobs.c.status) == {"COMPLETED": JOBS}
        assert await count_by(database, provider_tasks.c.state) == {"SUCCEEDED": SHOTS}
        assert len(fake.bill) == SHOTS
        assert set(Counter(body["prompt"] for body in fake.bill).values()) == {1}
        assert workers.kills >= KILLS
        # The faults were there: many submissions had to be repeated.
        assert sum(fake.submissions.values()) > SHOTS + 20 * SHOTS // 500


@pytest.mark.parametrize("lost", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_without_keys_nothing_is_paid_twice_and_what_is_unknown_is_said(
    database: Database, database_url: str, tmp_path: Path, *, lost: bool
) -> None:
    async with FakeRunway() as fake:
        fake.tiny_clips = True
        fake.chooser = Faults(random.Random(SEED), lost=lost)
        chance = random.Random(SEED + 1)
        fake.plan = lambda body: plan(chance)
        for number in range(SHOTS_WITHOUT_KEYS):
            await start_job(
                database, job_request(provider=ProviderName.RUNWAY, spec=spec_of(f"shot {number}", seconds=2))
            )
        workers = Workers(2, database_url, str(tmp_path), "runway", fake.url)
        await run_to_the_end(database, workers, kills=3, seconds=300)
        bill = paid(fake)
        assert max(bill.values()) == 1
        async with database.single() as connection:
            columns = (jobs.c.status, jobs.c.error_reason, jobs.c.error_message, jobs.c.spec)
            rows = (await connection.execute(sa.select(*columns))).all()
        for status, reason, message, spec in rows:
            prompt = spec["project"]["shots"][0]["visual_description"]
            if status == "COMPLETED":
                assert bill[prompt] == 1
            else:
                assert (status, reason) == ("FAILED", "SUBMIT_OUTCOME_UNKNOWN"), message
        ended = Counter(row[0] for row in rows)
        # Without lost answers only a worker killed in the middle of an order leaves its outcome unknown.
        assert ended["FAILED"] <= (2 * SHOTS_WITHOUT_KEYS // 3 if lost else 3 * 2)


def paid(fake: GeneratingApi) -> Counter[str]:
    return Counter(body["promptText"] for body in fake.bill)
