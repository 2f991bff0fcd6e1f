"""A server that the tests of a module share, each test in a workspace of its own."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa
from google.protobuf import json_format
from render_client.v1 import job_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import Artifact, Job, RawResults, StoredFile, Video
from render_service.embedded import EmbeddedValkey
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.storage.keys import attempt_prefix
from render_service.storage.store import ObjectStore
from tests.objects import put_object
from tests.records import lifecycle_of
from tests.serving import Stubs, claim_soon, serving, settings_of

CONTENT = bytes(range(256)) * 5_000
POSTER = b"\xff\xd8 a picture"


def project_message(**fields: object) -> project_pb2.Project:
    """A project of two shots, or with other fields, as the JSON form of the message names them."""
    shots = [{"id": "one", "caption": "One", "duration": "1s"}, {"id": "two", "narration": "Two"}]
    return json_format.ParseDict({"title": "Test", "storyboard": {"shots": shots}} | fields, project_pb2.Project())


@dataclass(frozen=True)
class Service:
    """A server as its callers see it, and what lies behind it."""

    stubs: Stubs
    database: Database
    store: ObjectStore
    lifecycle: JobLifecycle
    workspace: str
    http_url: str = ""
    assets: Path = Path()
    """The folder that projects may name files of."""

    async def start(self, **fields: object) -> job_pb2.Job:
        """Start a render of a small project."""
        given: dict[str, object] = {"workspace_id": self.workspace, "project": project_message()} | fields
        if "project_id" in given:
            del given["project"]
        answer = await self.stubs.renders.StartRender(pb.StartRenderRequest(**given))  # type: ignore[arg-type]
        return answer.job

    async def get(self, job_id: str) -> job_pb2.Job:
        """Return a job as it is now."""
        request = pb.GetJobRequest(workspace_id=self.workspace, job_id=job_id)
        return (await self.stubs.renders.GetJob(request)).job

    async def claim(self, job_id: str) -> Claim:
        """Do what a worker does first, for this very job."""
        async with self.database.single() as connection:
            await connection.execute(
                sa.text("UPDATE jobs SET run_after = now() + interval '1 day' WHERE status = 'PENDING' AND id <> :id"),
                {"id": UUID(job_id)},
            )
        claim = await claim_soon(self.lifecycle)
        assert str(claim.lease.job_id) == job_id
        return claim

    async def finish(self, job_id: str) -> Video:
        """Do what a worker does: store a video and complete the job."""
        lease = (await self.claim(job_id)).lease
        prefix = attempt_prefix(self.workspace, lease.job_id, lease.attempt)
        files = {}
        for artifact, name, data, kind in (
            (Artifact.VIDEO, "video.mp4", CONTENT, "video/mp4"),
            (Artifact.POSTER, "poster.jpg", POSTER, "image/jpeg"),
        ):
            await put_object(self.store, f"{prefix}/{name}", data, content_type=kind)
            files[artifact] = StoredFile(f"{prefix}/{name}", len(data), "ab" * 32, kind)
        video = Video(files=files, width=256, height=144, fps=25, frames=10)
        await self.lifecycle.complete(lease, RawResults("completed"), video)
        return video

    async def row(self, job_id: str) -> Job:
        """Return a job past the server."""
        return await Jobs(self.database).get(self.workspace, UUID(job_id))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_service(
    _shared_database_url: str, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A server that lets everybody pass, with the provider `mock` and no worker."""
    folder: Path = tmp_path_factory.mktemp("server")
    settings = settings_of(
        _shared_database_url,
        valkey_server.url,
        folder,
        auth="off",
        heartbeat_seconds=0.2,
        file_roots=(folder / "assets",),
        http_listen=f"{LOOPBACK}:{free_port()}",
        http_origins="https://studio.example",
    )
    database = Database(_shared_database_url)
    async with serving(settings) as stubs:
        store = ObjectStore(settings.storage_url)
        lifecycle = lifecycle_of(database, lease=timedelta(minutes=5))
        yield Service(stubs, database, store, lifecycle, "", f"http://{settings.http_listen}", folder / "assets")
    await database.close()


@pytest.fixture
def service(shared_service: Service, request: pytest.FixtureRequest) -> Service:
    """The shared server, and a workspace that no other test uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40]
    workspace = f"{name.strip('-')}-{uuid4().hex[:8]}"
    return Service(
        shared_service.stubs,
        shared_service.database,
        shared_service.store,
        shared_service.lifecycle,
        workspace.removeprefix("test-"),
        shared_service.http_url,
        shared_service.assets,
    )
