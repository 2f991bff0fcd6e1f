"""A whole run: traffic, failpoints, recorded histories, and the verdict of the validators."""

import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from tests.robustness.cluster import Cluster
from tests.robustness.failpoints import Saboteur, schedule
from tests.robustness.history import ENDS, History
from tests.robustness.tables import StaleWriter, read_tables, unended
from tests.robustness.traffic import Callers
from tests.robustness.validators import contradictions
from tests.robustness.wishes import WORKSPACES, wishes

_LEASE_SECONDS = 4.0
# About what a kill and its pauses take; jobs are spread over the time that the kills need.
_SECONDS_PER_KILL = 3.0
_RECOVERY_SECONDS = 120.0
_SWEEP_SECONDS = 6.0
_MOST_CALLERS = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a run is.

    `seed` decides the schedule of failpoints, the jobs and their callers. `mock_delay` is in seconds, four of them a
    job.
    """

    seed: int
    jobs: int = 2_000
    kills: int = 100
    watchers: int = 200
    servers: int = 2
    workers: int = 3
    mock_delay: float = 0.3


@dataclass(slots=True)
class Result:
    """What a run has shown."""

    plan: Plan
    history: History
    contradictions: dict[str, list[str]]
    faults: list[str]
    broken_parts: list[str]
    codes: Counter[str]
    failpoints: Counter[str]
    at_steps: Counter[str]
    kills: int
    most_watching: int
    acknowledged: int
    seconds: float
    recovery_seconds: float
    unmet: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept and every target reached."""
        return not any(self.contradictions.values()) and not self.faults and not self.unmet and not self.broken_parts


async def run_campaign(plan: Plan, folder: Path, *, quiet: bool = False) -> Result:
    """Run the service, break it according to plan, and judge what was seen.

    Args:
        plan: How large.
        folder: For all data and logs.
        quiet: Whether to say nothing of how far it is.
    """
    history = History()
    began = time.monotonic()
    settings = {
        "RENDER_MOCK_DELAY": str(plan.mock_delay),
        "RENDER_WORKER_SLOTS": "16",
        "RENDER_LEASE_SECONDS": str(_LEASE_SECONDS),
        # So many that no job may end FAILED however often it is hit: then FAILED means a fault.
        "RENDER_MAX_FAILED_ATTEMPTS": "50",
        "RENDER_HEARTBEAT_SECONDS": "2",
        "RENDER_LOG_LEVEL": "warning",
    }
    async with Cluster(
        folder, servers=plan.servers, workers=plan.workers, settings=settings, shifted_clock=True
    ) as cluster:
        saboteur = Saboteur(cluster, plan.seed)
        async with Callers([cluster.target(first) for first in range(6)], history, plan.seed) as callers:
            watchers = [asyncio.create_task(callers.watch_for_ever(number)) for number in range(plan.watchers)]
            aside = [
                asyncio.create_task(callers.intrude_for_ever()),
                *(asyncio.create_task(callers.watch_workspace_for_ever(workspace)) for workspace in WORKSPACES),
                asyncio.create_task(StaleWriter(cluster.postgres.url, history, plan.seed).run()),
            ]
            if not quiet:
                aside.append(asyncio.create_task(_tell(plan, callers, saboteur)))
            starting = asyncio.create_task(_start_all(plan, callers))
            for failpoint in schedule(
                plan.seed, plan.kills, servers=plan.servers, workers=plan.workers, lease_seconds=_LEASE_SECONDS
            ):
                await saboteur.perform(failpoint)
            await saboteur.finish()
            await starting
            recovery = await _until_ended(cluster.postgres.url, time.monotonic())
            callers.leave()
            _, stuck = await asyncio.wait(watchers, timeout=_RECOVERY_SECONDS / 2)
            await _replay(plan, callers, history)
            # Their watchers stay connected: whatever has been committed by now is delivered within the time of a sweep.
            await asyncio.sleep(_SWEEP_SECONDS)
            for task in [*stuck, *aside]:
                task.cancel()
            ended = await asyncio.gather(*watchers, *aside, return_exceptions=True)
            await callers.list_all()
        await read_tables(cluster.postgres.url, history)
        for error in ended:
            if isinstance(error, Exception):
                raise error
    broken = [
        f"{member.name}: {line.strip()[:300]}"
        for member in cluster.members
        for line in member.log.read_text(errors="replace").splitlines()
        if ('"level": "critical"' in line and "part" in line) or "Traceback" in line or '"level": "error"' in line
    ]
    return Result(
        plan=plan,
        history=history,
        contradictions=contradictions(history),
        faults=callers.faults,
        broken_parts=broken,
        codes=callers.codes,
        failpoints=saboteur.done,
        at_steps=saboteur.at_steps,
        kills=saboteur.kills,
        most_watching=callers.most_watching,
        acknowledged=callers.acknowledged,
        seconds=time.monotonic() - began,
        recovery_seconds=recovery,
    )


async def _start_all(plan: Plan, callers: Callers) -> None:
    pace = plan.kills * _SECONDS_PER_KILL / plan.jobs
    pending: set[asyncio.Task[None]] = set()
    for wish in wishes(plan.seed, plan.jobs):
        pending.add(asyncio.create_task(callers.fulfil(wish)))
        await asyncio.sleep(pace)
        if len(pending) > _MOST_CALLERS:
            # However slow the service is while it is broken: a storm of ever more callers would prove nothing.
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in [task for task in pending if task.done()]:
            pending.discard(task)
            task.result()
    await asyncio.gather(*pending)


async def _until_ended(url: str, since: float) -> float:
    while (left := await unended(url)) and time.monotonic() - since < _RECOVERY_SECONDS:
        await asyncio.sleep(0.2 if left < 50 else 1.0)
    return time.monotonic() - since


async def _replay(plan: Plan, callers: Callers, history: History) -> None:
    """Watch jobs that have ended, from somewhere in their history: all that is kept must be delivered."""
    choice = random.Random(f"replay {plan.seed}")
    known = [start for start in history.starts if start.outcome == "acknowledged"]
    for start in choice.sample(known, min(len(known), 100)):
        await asyncio.wait_for(
            callers.watch(start.workspace, start.job_id, choice, after=choice.choice([0, 1, 2]), stays=True), 30
        )


async def _tell(plan: Plan, callers: Callers, saboteur: Saboteur) -> None:
    began = time.monotonic()
    for _ in cycle([None]):
        await asyncio.sleep(15)
        ended = sum(observation.status in ENDS for observation in callers.history.observations)
        print(
            f"{time.monotonic() - began:4.0f} s: {callers.acknowledged}/{plan.jobs} jobs acknowledged, "
            f"{saboteur.kills}/{plan.kills} kills, {callers.watching} watching, {ended} ends seen",
            file=sys.stderr,
            flush=True,
        )
