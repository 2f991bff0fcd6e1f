"""Every reason of the contract reaches the caller as the contract says: status, metadata, when to try again."""

import json
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from render_client.v1 import batch_service_pb2 as batches_pb
from render_client.v1 import brand_service_pb2 as brands_pb
from render_client.v1 import error_reason_pb2, project_pb2
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb
from render_client.v1 import webhook_service_pb2 as webhooks_pb

from render_service.config.settings import Settings
from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.domain.access.access import Access
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import Artifact, JobError, StoredFile, Video
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.server.interceptors.errors import STATUS_OF_REASON
from tests.fuzz.campaign import LEAK
from tests.integration.server.status import Refusal, refusal
from tests.records import job_request, lifecycle_of, start_job
from tests.serving import Stubs, bearer, claim_soon, serving, settings_of
from tests.unit.fonts.building import box, truetype

CONTRACT = (Path(__file__).parents[3] / "proto/render/v1/error_reason.proto").read_text(encoding="utf-8")
DOCUMENTED = {
    match[2]: match[1]
    for match in re.finditer(r"((?:  //[^\n]*\n)+)  ERROR_REASON_(\w+) = \d+;", CONTRACT)
    if match[2] != "UNSPECIFIED"
}
SIGNING_KEY = SecretStr("a2V5" * 11)
DAMAGING = {"INTERNAL", "STORE_UNAVAILABLE"}
ABSENT = "0198c0de-7a11-4c3e-9f00-5e1f5e1f5e1f"
PROJECT = project_pb2.Project(
    storyboard=project_pb2.Storyboard(shots=[project_pb2.Shot(caption="One", visual_description="A harbour")])
)


@dataclass(frozen=True)
class Scene:
    """A server with a key for writing and one for reading, and what lies behind it."""

    stubs: Stubs
    settings: Settings
    database: Database
    key: str
    reader: str

    def start(self, **more: Any) -> Any:
        fields: dict[str, Any] = {"workspace_id": "team", "project": PROJECT} | more
        request = pb.StartRenderRequest(**fields)
        return self.stubs.renders.StartRender(request, metadata=bearer(self.key))

    def call(self, method: str, *, key: str | None = None, **fields: Any) -> Any:
        """Call a method in the workspace `team`."""
        services = (
            (self.stubs.renders, pb),
            (self.stubs.projects, projects_pb),
            (self.stubs.webhooks, webhooks_pb),
            (self.stubs.brands, brands_pb),
            (self.stubs.batches, batches_pb),
        )
        stub, messages = next((stub, messages) for stub, messages in services if hasattr(stub, method))
        request = getattr(messages, f"{method}Request")
        return getattr(stub, method)(request(**({"workspace_id": "team"} | fields)), metadata=bearer(key or self.key))

    async def completed(self) -> str:
        """A job with a video."""
        job = await start_job(self.database, job_request())
        held = await claim_soon(lifecycle_of(self.database))
        file = StoredFile(f"videos/team/{job.id}/1/video.mp4", 5, "ab" * 32, "video/mp4")
        await lifecycle_of(self.database).complete(held.lease, None, Video({Artifact.VIDEO: file}, 2, 2, 1, 1))
        return str(job.id)


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, redis_url: str, tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[Scene]]]:
    """Makes a scene; one whose database is damaged by its test gets a database of its own."""
    url = request.getfixturevalue(
        "own_database_url" if request.node.callspec.params["reason"] in DAMAGING else "database_url"
    )
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Scene:
            database = Database(url)
            stack.push_async_callback(database.close)
            keys = ApiKeys(database)
            key = await keys.create("backend", frozenset({"team"}))
            reader = await keys.create("dashboard", frozenset({"team"}), access=Access.READ)
            given = settings_of(url, settings.pop("redis_url", redis_url), tmp_path, **settings)
            stubs = await stack.enter_async_context(serving(given))
            return Scene(stubs, given, database, key, reader)

        yield make


Make = Callable[..., Awaitable[Scene]]


async def invalid_field(make: Make) -> Refusal:
    return await refusal((await make()).call("GetJob", job_id="no id"))


async def invalid_page_token(make: Make) -> Refusal:
    return await refusal((await make()).call("ListJobs", page_token="made up"))


async def sequence_in_future(make: Make) -> Refusal:
    scene = await make()
    job = (await scene.start()).job
    return await refusal(scene.call("WatchProgress", job_id=job.job_id, after_sequence=99))


async def credentials_invalid(make: Make) -> Refusal:
    return await refusal((await make()).call("ListJobs", key="rk_" + "x" * 43))


async def workspace_forbidden(make: Make) -> Refusal:
    return await refusal((await make()).call("ListJobs", workspace_id="other"))


async def write_forbidden(make: Make) -> Refusal:
    scene = await make()
    return await refusal(scene.call("CancelJob", key=scene.reader, job_id=ABSENT))


async def quota_exceeded(make: Make) -> Refusal:
    scene = await make(quota_queued_jobs=1)
    await scene.start()
    return await refusal(scene.start())


async def job_not_found(make: Make) -> Refusal:
    return await refusal((await make()).call("GetJob", job_id=ABSENT))


async def job_not_ended(make: Make) -> Refusal:
    scene = await make()
    return await refusal(scene.call("DeleteJob", job_id=(await scene.start()).job.job_id))


async def project_not_found(make: Make) -> Refusal:
    return await refusal((await make()).call("GetProject", project_id=ABSENT))


async def request_id_reused(make: Make) -> Refusal:
    scene = await make()
    await scene.start(request_id=ABSENT)
    return await refusal(scene.start(request_id=ABSENT, labels={"another": "body"}))


async def video_not_ready(make: Make) -> Refusal:
    scene = await make()
    return await refusal(scene.call("DownloadVideo", job_id=(await scene.start()).job.job_id))


async def download_url_unsupported(make: Make) -> Refusal:
    scene = await make()
    return await refusal(scene.call("CreateDownloadUrl", job_id=await scene.completed()))


async def offset_out_of_range(make: Make) -> Refusal:
    scene = await make()
    return await refusal(scene.call("DownloadVideo", job_id=await scene.completed(), offset=6))


async def provider_not_configured(make: Make) -> Refusal:
    return await refusal((await make()).start(provider="runway"))


async def provider_unavailable(make: Make) -> Refusal:
    nobody = f"http://{LOOPBACK}:{free_port()}"
    scene = await make(elevenlabs_api_key=SecretStr("key"), elevenlabs_base_url=nobody)
    return await refusal(scene.call("ListVoices", speech_provider="elevenlabs"))


async def worker_unavailable(make: Make) -> Refusal:
    scene = await make(redis_url=f"redis://{LOOPBACK}:{free_port()}")
    return await refusal(scene.call("RenderFrame", project=PROJECT))


async def etag_mismatch(make: Make) -> Refusal:
    scene = await make()
    stored = (await scene.call("CreateProject", project=PROJECT)).project
    await scene.call("UpdateProject", project=stored)
    return await refusal(scene.call("UpdateProject", project=stored))


async def webhook_not_found(make: Make) -> Refusal:
    return await refusal((await make()).call("DeleteWebhook", webhook_id=ABSENT))


async def delivery_not_found(make: Make) -> Refusal:
    scene = await make(webhook_keys=SIGNING_KEY)
    return await refusal(scene.call("RedeliverWebhook", delivery_id=ABSENT))


async def brand_kit_not_found(make: Make) -> Refusal:
    return await refusal((await make()).call("GetBrandKit", name="acme"))


async def brand_kit_exists(make: Make) -> Refusal:
    scene = await make()
    kit = brands_pb.BrandKit(name="acme")
    await scene.call("CreateBrandKit", brand_kit=kit)
    return await refusal(scene.call("CreateBrandKit", brand_kit=kit))


async def batch_not_found(make: Make) -> Refusal:
    return await refusal((await make()).call("GetBatch", batch_id=ABSENT))


async def font_not_found(make: Make) -> Refusal:
    return await refusal((await make()).call("GetFont", font_id=ABSENT))


async def font_exists(make: Make) -> Refusal:
    scene = await make()
    await scene.call("UploadFont", content=truetype())
    other = truetype(draw=lambda pen: box(pen, height=500))
    return await refusal(scene.call("UploadFont", content=other))


async def webhook_exists(make: Make) -> Refusal:
    scene = await make(webhook_keys=SIGNING_KEY)
    webhook = webhooks_pb.Webhook(url="https://example.com/hooks")
    await scene.call("CreateWebhook", webhook=webhook)
    return await refusal(scene.call("CreateWebhook", webhook=webhook))


async def webhooks_not_configured(make: Make) -> Refusal:
    return await refusal((await make()).start(webhook=pb.JobWebhook(url="https://example.com/hooks")))


async def cursor_pruned(make: Make) -> Refusal:
    scene = await make()
    watch = scene.call("WatchWorkspace", from_oldest=True)
    cursor = (await watch.read()).cursor
    watch.cancel()
    async with scene.database.single() as connection:
        await connection.execute(
            sa.text("INSERT INTO event_horizons (workspace_id, xid, id) VALUES ('team', pg_current_xact_id(), 5)")
        )
    return await refusal(scene.call("WatchWorkspace", cursor=cursor))


async def store_unavailable(make: Make) -> Refusal:
    scene = await make()
    await scene.call("ListJobs")
    url = sa.make_url(scene.settings.database_url)
    beside = Database(url.set(database="postgres").render_as_string(hide_password=False))
    async with beside.single() as connection:
        await connection.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
        await connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": url.database},
        )
    await beside.close()
    return await refusal(scene.call("ListJobs"))


async def shutting_down(make: Make) -> Refusal:
    scene = await make()
    watch = scene.call("WatchWorkspace")
    await anext(aiter(watch))
    os.kill(os.getpid(), signal.SIGTERM)  # the server runs in this process, and takes it for itself
    return await refusal(watch)


async def internal(make: Make) -> Refusal:
    scene = await make()
    async with scene.database.single() as connection:
        await connection.execute(sa.text("ALTER TABLE projects RENAME COLUMN body TO secret_body"))
    return await refusal(scene.call("GetProject", project_id=ABSENT))


async def file_lost(make: Make) -> Refusal:
    scene = await make()
    return await refusal(scene.call("DownloadVideo", job_id=await scene.completed()))


PROVOKED: dict[str, Callable[..., Awaitable[Refusal]]] = {
    provoke.__name__.upper(): provoke
    for provoke in (
        invalid_field,
        invalid_page_token,
        sequence_in_future,
        credentials_invalid,
        workspace_forbidden,
        write_forbidden,
        quota_exceeded,
        job_not_found,
        job_not_ended,
        project_not_found,
        request_id_reused,
        video_not_ready,
        download_url_unsupported,
        offset_out_of_range,
        file_lost,
        provider_not_configured,
        provider_unavailable,
        worker_unavailable,
        etag_mismatch,
        webhook_not_found,
        delivery_not_found,
        webhook_exists,
        brand_kit_not_found,
        brand_kit_exists,
        batch_not_found,
        font_not_found,
        font_exists,
        webhooks_not_configured,
        cursor_pruned,
        store_unavailable,
        shutting_down,
        internal,
    )
}
REASONS_OF_JOBS = sorted(set(ErrorReason) - set(STATUS_OF_REASON))


def test_every_reason_of_the_contract_is_provoked_here_and_none_other_is_known() -> None:
    contract = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}  # noqa: SIM118
    assert contract - {"UNSPECIFIED"} == set(ErrorReason) == set(DOCUMENTED)
    assert set(PROVOKED) == set(STATUS_OF_REASON)


@pytest.mark.parametrize("reason", PROVOKED)
async def test_a_refusal_is_as_documented_and_contains_nothing_internal(scene: Make, reason: str) -> None:
    error = await PROVOKED[reason](scene)
    assert error.reason == reason
    documented = " ".join(line.strip().removeprefix("//").strip() for line in DOCUMENTED[reason].splitlines())
    status = re.search(r"Status: (\w+)(, with RetryInfo)?", documented)
    example = re.search(r"Example: `(\{.*?\})`", documented)
    assert status is not None
    assert example is not None
    assert error.code.name == status[1]
    assert (error.retry_seconds is not None) == bool(status[2])
    assert set(error.metadata) == set(json.loads(example[1]))
    assert error.message
    assert not LEAK.search(error.message.encode() + error.raw)
    assert b"secret_body" not in error.raw


async def test_a_failed_job_returns_its_reason(
    database_url: str, redis_url: str, tmp_path: Path, database: Database
) -> None:
    async with serving(settings_of(database_url, redis_url, tmp_path, auth="off")) as stubs:
        for reason in REASONS_OF_JOBS:
            assert "On a failed job." in DOCUMENTED[reason]
            job = await start_job(database)
            held = await claim_soon(lifecycle_of(database))
            error = JobError(ErrorReason(reason), "It cannot be.", {"shot_id": "one"})
            await lifecycle_of(database).end_attempt(held.lease, error, retryable=False)
            ids: dict[str, Any] = {"workspace_id": "team", "job_id": str(job.id)}
            stored = (await stubs.renders.GetJob(pb.GetJobRequest(**ids))).job
            assert (stored.error_reason, stored.error_message, dict(stored.error_metadata)) == (
                reason,
                "It cannot be.",
                {"shot_id": "one"},
            )
            last = [update async for update in stubs.renders.WatchProgress(pb.WatchProgressRequest(**ids))][-1].event
            assert (last.error_reason, last.error_message) == (reason, "It cannot be.")
