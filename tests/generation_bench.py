"""Runs the generation of clips alone: a real ledger and object store, providers against fakes, no compositor."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.probing import probe_clip
from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import GenerationOptions, Job, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.domain.retry import RetryPolicy
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.policy import FetchPolicy
from render_service.progress.task_hints import TaskHints
from render_service.providers.apis.custom import CustomProvider
from render_service.providers.apis.custom_contract import CustomContract
from render_service.providers.apis.instrumented import InstrumentedProvider
from render_service.providers.apis.pika import PikaProvider
from render_service.providers.apis.runway import RunwayProvider
from render_service.providers.generation.cancellation import OrphanCanceller
from render_service.providers.generation.clips import ClipGenerator
from render_service.providers.generation.limits import GenerationLimits, provider_retry_policy
from render_service.providers.generation.results import ClipCopies, ClipInfo
from render_service.providers.generation.submission import ClipSubmissions
from render_service.providers.generator import Generated, Generation
from render_service.providers.provider_api import ProviderApi
from render_service.storage.store import ObjectStore
from tests.fakes import custom, fal, runway
from tests.records import HOUR, job_request, start_job

SHORT = GenerationLimits(
    provider_retry_policy(retries=3, mean_delay=timedelta(milliseconds=20)),
    task_timeout=timedelta(seconds=20),
    poll_interval=timedelta(milliseconds=40),
)
FORM = OutputSpec(1280, 720, 24, Quality.DRAFT)


def spec_of(
    *prompts: str, seconds: float = 4, options: GenerationOptions | None = None, image_uri: str = ""
) -> RenderSpec:
    """A render with one shot for each prompt, called s1, s2, …"""
    shots = tuple(
        Shot(f"s{number}", visual_description=prompt, duration=timedelta(seconds=seconds), image_uri=image_uri)
        for number, prompt in enumerate(prompts, 1)
    )
    return RenderSpec(Project(title="Test", shots=shots), FORM, options or GenerationOptions())


async def _probe(path: Path) -> ClipInfo:
    facts = await asyncio.to_thread(probe_clip, Asset(path, "clip"))
    return ClipInfo(facts.duration, facts.width, facts.height)


@dataclass
class GenerationBench:
    """The parts of a worker that generate clips."""

    database: Database
    folder: Path
    ledger: GenerationLedger
    store: ObjectStore
    submissions: dict[ProviderName, ClipSubmissions]
    copies: ClipCopies
    lifecycle: JobLifecycle
    limits: GenerationLimits
    hints: TaskHints = field(default_factory=TaskHints)
    reported: list[tuple[float, str]] = field(default_factory=list)

    @property
    def canceller(self) -> OrphanCanceller:
        providers: dict[ProviderName, ProviderApi] = {name: one.api for name, one in self.submissions.items()}
        return OrphanCanceller(self.ledger, providers)

    async def claimed(self, provider: ProviderName, spec: RenderSpec, *, workspace: str = "team") -> Claim:
        """Store a job and claim it."""
        await start_job(self.database, job_request(workspace=workspace, provider=provider, spec=spec))
        return await self.claim()

    async def claim(self) -> Claim:
        claim = await self.lifecycle.claim(worker="bench", providers=list(ProviderName), deadline=HOUR)
        assert claim is not None
        return claim

    async def generate(self, claim: Claim, pictures: Mapping[str, Path] | None = None) -> Generated:
        """Make the clips of a claimed job."""
        folder = self.folder / f"attempt-{uuid4().hex}"
        await asyncio.to_thread(folder.mkdir, parents=True)

        async def report(fraction: float, message: str) -> None:
            self.reported.append((fraction, message))

        generator = ClipGenerator(
            claim.provider, self.submissions, self.ledger, self.copies, self.limits, hints=self.hints
        )
        return await generator.generate(Generation(claim.lease, claim.spec, folder, pictures or {}), report)

    async def run(self, provider: ProviderName, spec: RenderSpec, *, workspace: str = "team") -> Generated:
        """Store a job, make its clips, and complete it."""
        claim = await self.claimed(provider, spec, workspace=workspace)
        generated = await self.generate(claim)
        await self.lifecycle.complete(claim.lease, generated.raw_results, None)
        return generated

    async def job(self, job_id: UUID, workspace: str = "team") -> Job:
        return await Jobs(self.database).get(workspace, job_id)


@asynccontextmanager
async def open_bench(
    database: Database,
    folder: Path,
    urls: Mapping[ProviderName, str],
    *,
    limits: GenerationLimits = SHORT,
    concurrency: int = 50,
    lease: timedelta = timedelta(seconds=30),
    request_seconds: float = 20,
    contract: CustomContract | None = None,
    hints: TaskHints | None = None,
    callbacks: str | None = None,
) -> AsyncIterator[GenerationBench]:
    """Put the parts together for the fakes at these addresses; `callbacks` is where they are asked to call back."""
    make: dict[ProviderName, Callable[[str], RunwayProvider | PikaProvider | CustomProvider]] = {
        ProviderName.RUNWAY: lambda url: RunwayProvider(
            url, runway.KEY, concurrency=concurrency, timeout_seconds=request_seconds
        ),
        ProviderName.PIKA: lambda url: PikaProvider(
            url,
            fal.KEY,
            concurrency=concurrency,
            timeout_seconds=request_seconds,
            callback_url=f"{callbacks}/pika" if callbacks else None,
        ),
        ProviderName.CUSTOM: lambda url: CustomProvider(
            url,
            custom.KEY,
            contract or CustomContract(),
            concurrency=concurrency,
            timeout_seconds=request_seconds,
            callback_url=f"{callbacks}/custom" if callbacks else None,
        ),
    }
    async with AsyncExitStack() as stack:
        ledger = GenerationLedger(database)
        submissions, fetchers = {}, {}
        for name, url in urls.items():
            provider = make[name](url)
            await stack.enter_async_context(provider.api)
            host = httpx.URL(url).host
            policy = FetchPolicy(allow_http=True, allow_private=True, allowed_hosts=frozenset({host}))
            fetchers[name] = Fetcher(policy)
            submissions[name] = ClipSubmissions(InstrumentedProvider(provider), ledger, limits.retry)
            stack.push_async_callback(submissions[name].close)
        store = ObjectStore((folder / "objects").as_uri())
        yield GenerationBench(
            database,
            folder,
            ledger,
            store,
            submissions,
            ClipCopies(store, fetchers, _probe),
            JobLifecycle(database, lease=lease, retry=RetryPolicy(max_attempts=1000)),
            limits,
            hints or TaskHints(),
        )
