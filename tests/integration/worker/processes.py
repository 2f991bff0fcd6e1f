"""Workers as processes, and the jobs that they run."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from render_service.db.database import Database
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import Job, JobStatus
from render_service.embedded.supervisor import descendants
from tests.parent import left


@asynccontextmanager
async def working(folder: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker as a process; it is killed at the latest when the block is left."""
    environment = {
        **os.environ,
        "STORAGE_URL": (folder / "objects").as_uri(),
        "RENDER_WORK_DIR": str(folder / "work"),
        "RENDER_READY_FILE": str(folder / "ready"),
        "RENDER_COMPOSE_PROCESSES": "1",
        **settings,
    }
    with (folder / "worker.log").open("ab") as log:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "render_service", "work", env=environment, stdout=log, stderr=log
        )
    family = [worker.pid]
    try:
        yield worker
        family += descendants(worker.pid)
    finally:
        with suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()
        assert not await left(family), "a worker leaves processes behind"


async def until_ready(folder: Path) -> None:
    async with asyncio.timeout(120):
        while not (folder / "ready").exists():
            await asyncio.sleep(0.05)


async def status_of(database: Database, job: Job) -> JobStatus:
    return (await Jobs(database).get("team", job.id)).status


async def until(database: Database, job: Job, status: JobStatus, *, seconds: float = 20) -> float:
    """Wait until a job has a status; return after how many seconds it had."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while await status_of(database, job) is not status:
            await asyncio.sleep(0.02)
    return time.monotonic() - began
