"""A server takes leave politely, refuses what it cannot keep, and holds nothing for callers who left."""

import asyncio
import gc
import os
import signal
import tracemalloc
from pathlib import Path

import grpc
import pytest
from render_client.v1 import render_service_pb2 as pb

from render_service.config.settings import ConfigurationError
from render_service.embedded import EmbeddedPostgres
from render_service.runtime.health_probe import is_serving
from render_service.server.server import run_server
from tests.integration.server.conftest import project_message
from tests.integration.server.status import refusal
from tests.serving import Stubs, serving, settings_of


async def start(stubs: Stubs) -> str:
    request = pb.StartRenderRequest(workspace_id="team", project=project_message())
    return (await stubs.renders.StartRender(request)).job.job_id


def watch(stubs: Stubs, job_id: str) -> "grpc.aio.UnaryStreamCall[pb.WatchProgressRequest, pb.WatchProgressResponse]":
    return stubs.renders.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=job_id))


async def test_on_shutdown_every_watch_ends_with_word_on_how_to_resume(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, redis_url, tmp_path, auth="off")
    server = asyncio.create_task(run_server(settings))
    async with grpc.aio.insecure_channel(settings.listen) as channel:
        await channel.channel_ready()
        stubs = Stubs(channel)
        streams = [watch(stubs, await start(stubs)) for _ in range(3)]
        for stream in streams:
            await stream.read()
        endings = [asyncio.create_task(refusal(stream.read())) for stream in streams]
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(60):
            for ending in endings:
                error = await ending
                assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
                assert error.retry_seconds
            await server


async def test_a_port_that_another_server_has_is_refused_with_one_clear_line(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, redis_url, tmp_path, auth="off")
    async with serving(settings):
        with pytest.raises(ConfigurationError, match=f"RENDER_LISTEN: cannot listen on {settings.listen}"):
            await run_server(settings)


async def test_callers_who_leave_their_watches_leave_nothing_in_the_server(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, redis_url, tmp_path, auth="off", heartbeat_seconds=0.05)
    async with serving(settings) as stubs:
        job_id = await start(stubs)

        async def come_and_go(times: int) -> None:
            for n in range(times):
                streams = [watch(stubs, job_id) for _ in range(10)]
                if n % 3:
                    await streams[0].read()
                if n % 3 == 2:
                    await asyncio.sleep(0.01)
                for stream in streams:
                    stream.cancel()
            await asyncio.sleep(0.3)
            gc.collect()

        await come_and_go(5)
        tracemalloc.start()
        await come_and_go(5)
        before, _ = tracemalloc.get_traced_memory()
        await come_and_go(10)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert after - before < 300_000, "watches that were left keep memory"
        left = [task for task in asyncio.all_tasks() if "unary_stream" in repr(task.get_coro())]
        assert left == []


async def test_an_unavailable_store_is_reported_as_retryable(
    own_postgres: EmbeddedPostgres, redis_url: str, tmp_path: Path
) -> None:
    async with serving(settings_of(own_postgres.url, redis_url, tmp_path, auth="off")) as stubs:
        job_id = await start(stubs)
        await own_postgres.stop()
        request = pb.GetJobRequest(workspace_id="team", job_id=job_id)
        error = await refusal(stubs.renders.GetJob(request))
        assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert error.metadata == {"store": "postgres", "fault": "unreachable"}
        assert error.retry_seconds
        await own_postgres.start()
        assert (await stubs.renders.GetJob(request)).job.job_id == job_id


async def test_a_server_that_waits_for_its_stores_serves_nobody_and_can_be_stopped(
    redis_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    nowhere = f"postgresql://render@127.0.0.1:{unused_tcp_port}/render"
    settings = settings_of(nowhere, redis_url, tmp_path, auth="off")
    server = asyncio.create_task(run_server(settings))
    assert not await is_serving(settings.listen, timeout_seconds=0.5)
    assert not server.done()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(60):
        await server
