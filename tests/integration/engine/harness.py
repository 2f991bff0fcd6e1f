"""A runner as a worker has it, with providers that do what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from render_service.compositor.compositor import Compositor
from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.job_objects import JobObjects
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import Job, JobEvent, ProviderName, RawResults
from render_service.domain.retry import RetryPolicy
from render_service.engine.attempt import AttemptContext
from render_service.engine.machine_gate import MachineGate
from render_service.engine.runner import JobRunner, RunnerLimits
from render_service.engine.speakers import Speakers
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.policy import FetchPolicy
from render_service.progress.publisher import Publisher
from render_service.providers.generator import Generated, Generation, Generator, ReportProgress
from render_service.queue.broker import RenderQueue, make_broker
from render_service.queue.dispatcher import Dispatcher
from render_service.runtime.lifecycle import connect_redis
from render_service.storage.store import ObjectStore
from tests.records import HOUR, lifecycle_of

AT_ONCE = RetryPolicy(max_attempts=3, base=timedelta(0))
LONG = RunnerLimits(HOUR, HOUR)


class Scripted:
    """A provider that does what a test says, and notes how it was left."""

    makes_whole_videos = True

    def __init__(self, act: Callable[[Generation, ReportProgress], Awaitable[None]]) -> None:
        self._act = act
        self.begun = asyncio.Event()
        self.cancelled = False

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Act."""
        self.begun.set()
        try:
            await self._act(work, report)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Generated(raw_results=RawResults("completed"))


def failing(error: Exception) -> Scripted:
    async def act(work: Generation, report: ReportProgress) -> None:
        raise error

    return Scripted(act)


def endless() -> Scripted:
    async def act(work: Generation, report: ReportProgress) -> None:
        await asyncio.Event().wait()

    return Scripted(act)


def working_machine() -> MachineGate:
    """Return a gate of a machine that passes every test."""

    async def passes() -> None:
        return None

    return MachineGate(passes, longest_delay_seconds=0)


class Engine:
    """A runner as a worker has it; without Redis, which it does not need."""

    def __init__(
        self, database: Database, runner: JobRunner, store: ObjectStore, folder: Path, compositor: Compositor
    ) -> None:
        self.compositor = compositor
        self.database = database
        self.runner = runner
        self.store = store
        self.folder = folder
        self.lifecycle = lifecycle_of(database)

    async def job(self, job: Job) -> Job:
        return await Jobs(self.database).get("team", job.id)

    async def events(self, job: Job) -> list[JobEvent]:
        history = await Jobs(self.database).history(job.id, 0)
        assert history is not None
        return list(history.events)

    async def objects(self) -> list[str]:
        return [info.key async for info in self.store.list("")]


@asynccontextmanager
async def engine_with(
    database: Database,
    folder: Path,
    provider: Generator,
    *,
    limits: RunnerLimits = LONG,
    lifecycle: JobLifecycle | None = None,
    name: ProviderName = ProviderName.MOCK,
    policy: FetchPolicy | None = None,
    slots: int = 8,
    gate: MachineGate | None = None,
    store: ObjectStore | None = None,
    speakers: Speakers | None = None,
) -> AsyncIterator[Engine]:
    nowhere = "redis://127.0.0.1:1/0"
    redis = connect_redis(nowhere, timeout_seconds=1)
    store = store or ObjectStore((folder / "objects").as_uri())
    scratch = folder / "scratch"
    scratch.mkdir()
    compositor = Compositor(processes=1)
    providers: Mapping[ProviderName, Generator] = {name: provider}
    runner = JobRunner(
        worker="test",
        slots=slots,
        lifecycle=lifecycle or lifecycle_of(database, retry=AT_ONCE),
        publisher=Publisher(redis),
        dispatcher=Dispatcher(JobOutbox(database), RenderQueue(make_broker(nowhere))),
        providers=providers,
        context=AttemptContext(
            store,
            Fetcher(policy or FetchPolicy()),
            compositor,
            scratch,
            objects=JobObjects(database),
            speakers=speakers,
        ),
        limits=limits,
        gate=gate or working_machine(),
    )
    keeping = asyncio.create_task(runner.keep_leases())
    testing = asyncio.create_task(runner.gate.run())
    try:
        yield Engine(database, runner, store, scratch, compositor)
        assert list(scratch.iterdir()) == [], "an attempt leaves its scratch folder behind"
    finally:
        keeping.cancel()
        testing.cancel()
        await asyncio.wait((keeping, testing))
        await redis.aclose()
