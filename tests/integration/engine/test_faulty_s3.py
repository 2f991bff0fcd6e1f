"""An S3 that refuses or resets connections costs a job no attempt, and no clip is paid twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from render_service.db.database import Database
from render_service.domain.jobs.job import JobStatus, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.domain.retry import RetryPolicy
from render_service.providers.generation.clips import ClipGenerator
from render_service.providers.generation.results import ClipCopies
from render_service.storage.store import ObjectStore
from tests.fakes.runway import FakeRunway
from tests.generation_bench import open_bench
from tests.integration.engine.harness import engine_with
from tests.integration.storage.faulty_proxy import FaultyProxy, LineFault, faulty_proxy
from tests.records import job_request, lifecycle_of, start_job
from tests.seaweedfs import S3Server

# What begins as an object below a prefix is written, once.
FAULTS = {
    "clips/": LineFault(unavailable=True),
    "videos/": LineFault(cut_up=2000),
}
# A single attempt that counts fails the job.
ONCE = RetryPolicy(max_attempts=1, base=timedelta(0))


@pytest.fixture
async def proxy(s3_server: S3Server) -> AsyncIterator[FaultyProxy]:
    assert s3_server.options.endpoint is not None
    async with faulty_proxy(s3_server.options.endpoint) as proxy:
        yield proxy


class Failing(ObjectStore):
    """A store that fails for the rest of an attempt as the first object of each kind is written."""

    def __init__(self, proxy: FaultyProxy, server: S3Server) -> None:
        super().__init__(f"s3://films/{uuid4()}", s3=replace(server.options, endpoint=proxy.url))
        self.faults = dict(FAULTS)
        self._proxy = proxy

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        kind = next((kind for kind in self.faults if key.startswith(kind)), None)
        if kind is not None:
            self._proxy.begin(self.faults.pop(kind))
        await super().put_file(key, path, content_type=content_type)


async def test_a_job_is_repeated_until_its_clip_and_its_video_are_stored(
    proxy: FaultyProxy, s3_server: S3Server, database: Database, tmp_path: Path
) -> None:
    store = Failing(proxy, s3_server)
    project = Project(shots=(Shot("one", "dawn", duration=timedelta(seconds=1)),))
    spec = RenderSpec(project, OutputSpec(256, 144, 25, Quality.DRAFT))
    async with FakeRunway() as fake, open_bench(database, tmp_path, {ProviderName.RUNWAY: fake.url}) as bench:
        copies = ClipCopies(store, bench.copies._fetchers, bench.copies._probe)
        generator = ClipGenerator(
            ProviderName.RUNWAY, bench.submissions, bench.ledger, copies, bench.limits, hints=bench.hints
        )
        lifecycle = lifecycle_of(database, retry=ONCE)
        async with engine_with(
            database, tmp_path, generator, name=ProviderName.RUNWAY, store=store, lifecycle=lifecycle
        ) as engine:
            job = await start_job(database, job_request(provider=ProviderName.RUNWAY, spec=spec))
            while await engine.runner.run_next():
                proxy.begin(LineFault())
            ended = await engine.job(job)
            assert (ended.status, ended.error) == (JobStatus.COMPLETED, None)
            assert len(fake.bill) == 1
            assert not store.faults, "each write has failed once"
            assert ended.attempt == 3
            await engine.compositor.close()
