"""How many jobs workers finish whose work costs nothing: claim, reports, end, and their messages."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psycopg

from benchmarks.service import stack
from benchmarks.service.results import processor_seconds

WORKSPACES = 4
_FILL = """
    INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
    SELECT gen_random_uuid(), gen_random_uuid(), 'bench-' || n %% %s, provider, spec
    FROM (SELECT provider, spec FROM jobs LIMIT 1) AS one, generate_series(1, %s) AS n
"""
_COUNT = "SELECT count(*) FROM jobs WHERE status = %s"
# Without waiting for jobs that the workers are just claiming.
_DISCARD = "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE status = 'PENDING' FOR UPDATE SKIP LOCKED)"
_MOST_A_SECOND = 2_000  # jobs that wait, for each second of measuring and of starting workers
_STARTING_SECONDS = 2.0  # of a worker; those that have started are at work
_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """Jobs a second, and the processor time of all workers for each, in seconds."""

    rate: float
    processor: float
    started_in: float


async def finish_jobs(stores: stack.Stores, slots: Iterable[int], *, seconds: float) -> Throughput:
    """Measure workers, one for each number of slots, on jobs that wait already; there must be a job to copy.

    Args:
        stores: Where the jobs are.
        slots: The slots of each worker.
        seconds: How long to measure, from when every worker has finished its first jobs.
    """
    async with (
        await psycopg.AsyncConnection.connect(stores.postgres.url, autocommit=True) as connection,
        AsyncExitStack() as workers,
    ):
        slots = tuple(slots)
        waiting = int(_MOST_A_SECOND * (seconds + _STARTING_SECONDS * len(slots)))
        await connection.execute(_FILL, (WORKSPACES, waiting))
        await connection.execute("ANALYZE jobs")
        running = [await workers.enter_async_context(stack.worker(stores, count)) for count in slots]
        first = await _count(connection, "COMPLETED")
        async with asyncio.timeout(_WAIT_SECONDS):
            while await _count(connection, "COMPLETED") < first + 2 * len(running):
                await asyncio.sleep(0.05)
        before, used, began = await _count(connection, "COMPLETED"), _used(running), time.perf_counter()
        await asyncio.sleep(seconds)
        count, took = await _count(connection, "COMPLETED") - before, time.perf_counter() - began
        used = _used(running) - used
        assert await _count(connection, "PENDING"), "the workers had nothing left to do"
        await connection.execute(_DISCARD)
    return Throughput(count / took, used / max(1, count), max(worker.started_in for worker in running))


def _used(workers: Iterable[stack.Running]) -> float:
    return sum(processor_seconds(worker.pid) for worker in workers)


async def _count(connection: psycopg.AsyncConnection[tuple[object, ...]], status: str) -> int:
    row = await (await connection.execute(_COUNT, (status,))).fetchone()
    assert row is not None
    return int(str(row[0]))
