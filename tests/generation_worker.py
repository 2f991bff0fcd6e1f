"""A worker process that generates clips and does nothing else, to be killed by tests.

Run as `python -m tests.generation_worker DATABASE_URL FOLDER PROVIDER URL`.
"""

import asyncio
import contextlib
import sys
from datetime import timedelta
from pathlib import Path

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim, LeaseLost
from render_service.domain.errors import DomainError, RenderFailure
from render_service.domain.jobs.job import JobError, ProviderName
from tests.generation_bench import SHORT, GenerationBench, open_bench
from tests.records import HOUR

LEASE = timedelta(seconds=2)
SLOTS = 5


async def work(bench: GenerationBench, name: ProviderName) -> None:
    """Run jobs for ever."""
    while True:
        claim = await bench.lifecycle.claim(worker="doomed", providers=[name], deadline=HOUR)
        if claim is None:
            await asyncio.sleep(0.1)
            continue
        attempt = asyncio.create_task(bench.generate(claim))
        keeper = asyncio.create_task(keep(bench, claim, attempt))
        with contextlib.suppress(LeaseLost, asyncio.CancelledError):
            try:
                made = await attempt
            except DomainError as failure:
                error = JobError(failure.reason, failure.message, failure.metadata)
                retryable = failure.retryable if isinstance(failure, RenderFailure) else True
                await bench.lifecycle.end_attempt(claim.lease, error, retryable=retryable)
            else:
                await bench.lifecycle.complete(claim.lease, made.raw_results, None)
        keeper.cancel()


async def keep(bench: GenerationBench, claim: Claim, attempt: "asyncio.Task[object]") -> None:
    """Renew a lease, and stop the attempt where it is lost."""
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 4)
        if not await bench.lifecycle.renew([claim.lease], no_progress=HOUR):
            attempt.cancel()


async def main(database_url: str, folder: str, provider: str, url: str) -> None:
    name = ProviderName(provider)
    database = Database(database_url)
    async with open_bench(
        database, Path(folder), {name: url}, limits=SHORT, concurrency=40, lease=LEASE, request_seconds=2
    ) as bench:
        print("ready", flush=True)
        await asyncio.gather(*(work(bench, name) for _ in range(SLOTS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
