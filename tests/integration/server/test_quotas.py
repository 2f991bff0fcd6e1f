"""Quotas: a workspace that used up its share learns which and for how long, and no other notices."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from render_client.v1 import project_pb2
from render_client.v1 import render_service_pb2 as pb
from typer.testing import CliRunner

from render_service.cli.main import app
from render_service.db.access.quotas import WorkspaceQuotas
from render_service.db.database import Database
from render_service.domain.access.quota import QuotaName
from tests.integration.server.status import read_refusal, refusal
from tests.records import VIDEO, lifecycle_of
from tests.serving import Stubs, claim_soon, serving, settings_of

PROJECT = project_pb2.Project(storyboard=project_pb2.Storyboard(shots=[project_pb2.Shot(id="one", caption="One")]))


@pytest.fixture
async def opened(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator["Opener"]:
    async with AsyncExitStack() as stack:

        async def serve(**quotas: Any) -> Stubs:
            settings = settings_of(database_url, redis_url, tmp_path, auth="off", **quotas)
            return await stack.enter_async_context(serving(settings))

        yield serve


Opener = Any


def start(stubs: Stubs, workspace: str = "team", **more: Any) -> Any:
    return stubs.renders.StartRender(pb.StartRenderRequest(workspace_id=workspace, project=PROJECT, **more))


async def test_a_full_queue_takes_no_more_jobs_but_those_of_others(opened: Opener) -> None:
    stubs = await opened(quota_queued_jobs=2)
    first = await start(stubs, request_id="0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f")
    await start(stubs)
    error = await refusal(start(stubs))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert error.metadata == {"quota": "queued_jobs", "limit": "2"}
    assert error.retry_seconds is not None
    again = await start(stubs, request_id="0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f")
    assert again.job.job_id == first.job.job_id, "the same request is no new job"
    await start(stubs, "other")
    await start(stubs, dry_run=True)


async def test_calls_beyond_the_rate_are_refused_until_there_is_room_again(opened: Opener) -> None:
    stubs = await opened(quota_requests_per_second=5)

    async def get(workspace: str) -> Any:
        return await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id=workspace))

    began = time.monotonic()
    results = await asyncio.gather(*(get("team") for _ in range(30)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert 30 - len(refused) <= 5 + 5 * (time.monotonic() - began) + 1
    assert refused
    error = read_refusal(refused[0])
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert error.metadata == {"quota": "requests_per_second", "limit": "5"}
    assert error.retry_seconds is not None
    assert 0 < error.retry_seconds <= 0.2
    await get("other")
    # Of the calls at once, another may have taken the token that this one was told to wait for.
    try:
        await get("team")
    except grpc.aio.AioRpcError as lone:
        await asyncio.sleep((read_refusal(lone).retry_seconds or 0) + 0.01)
        await get("team")


async def test_watches_beyond_the_quota_are_refused_until_one_is_closed(opened: Opener) -> None:
    stubs = await opened(quota_watchers=2)
    job = (await start(stubs)).job

    def watch(workspace: str = "team") -> Any:
        return stubs.renders.WatchWorkspace(pb.WatchWorkspaceRequest(workspace_id=workspace))

    held = [watch(), stubs.renders.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=job.job_id))]
    for one in held:
        await one.read()
    error = await refusal(watch())
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert error.metadata == {"quota": "watchers", "limit": "2"}
    other = watch("other")
    assert await other.read()
    held[0].cancel()
    async with asyncio.timeout(60):
        while not await begins(fresh := watch()):
            await asyncio.sleep(0.02)
    for one in (held[1], other, fresh):
        one.cancel()


async def begins(watch: Any) -> bool:
    """Return whether a watch is accepted; it is refused until the server knows that another one was closed."""
    try:
        await watch.read()
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return False
    return True


async def test_a_workspace_that_stores_too_much_starts_no_more_jobs(opened: Opener, database: Database) -> None:
    stubs = await opened(quota_stored_bytes=1000)
    await start(stubs)
    lifecycle = lifecycle_of(database)
    await lifecycle.complete((await claim_soon(lifecycle)).lease, None, VIDEO)
    error = await refusal(start(stubs))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert error.metadata == {"quota": "stored_bytes", "limit": "1000"}
    await start(stubs, "other")


async def test_a_workspace_with_quotas_of_its_own_is_held_to_these(opened: Opener, database: Database) -> None:
    await WorkspaceQuotas(database).set("team", {QuotaName.QUEUED_JOBS: 1})
    await WorkspaceQuotas(database).set("free", {QuotaName.QUEUED_JOBS: None})
    stubs = await opened(quota_queued_jobs=2)
    await start(stubs, "team")
    assert (await refusal(start(stubs, "team"))).metadata["limit"] == "1"
    for _ in range(4):
        await start(stubs, "free")


@pytest.mark.parametrize("priority", [101, -101, 2**31 - 1])
async def test_a_priority_out_of_range_is_refused(opened: Opener, priority: int) -> None:
    error = await refusal(start(await opened(), priority=priority))
    assert (error.reason, error.metadata) == ("INVALID_FIELD", {"fields": "priority"})


async def test_a_job_shows_its_priority(opened: Opener) -> None:
    assert (await start(await opened(), priority=-7)).job.priority == -7


def test_quotas_are_set_listed_and_cleared_from_the_command_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    run = CliRunner().invoke
    assert run(app, ["quotas", "set", "team", "watchers=5", "running_jobs=unlimited"]).exit_code == 0
    assert "team: running_jobs=unlimited  watchers=5" in run(app, ["quotas", "list"]).stdout
    assert run(app, ["quotas", "clear", "team"]).exit_code == 0
    assert "team" not in run(app, ["quotas", "list"]).stdout
    for wrong in ("watchers", "watchers=-1", "watchers=many", "cpus=3"):
        assert run(app, ["quotas", "set", "team", wrong]).exit_code == 2
