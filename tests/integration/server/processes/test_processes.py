"""Several server processes share a port: calls reach all of them, a killed one comes back, and all stop together."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import grpc
import httpx
import pytest
from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.config.settings import ConfigurationError
from render_service.embedded.ports import LOOPBACK, free_port, is_free
from render_service.embedded.process import SupervisedProcess
from render_service.embedded.supervisor import descendants
from render_service.server import processes
from tests.integration.server.conftest import project_message
from tests.integration.server.status import refusal
from tests.serving import Stubs, settings_of

CONNECTIONS = 24  # so that the kernel gives each of two processes some of them


def unused(_settings: object, _on_ready: Callable[[], None]) -> None:
    raise AssertionError("no process is started")


def adjacent_ports(other: int) -> tuple[int, int]:
    """Two free ports, one after the other, and neither the `other`."""
    ports = (free_port() for _ in range(1000))
    return next((port, port + 1) for port in ports if port + 1 != other and is_free(port) and is_free(port + 1))


@asynccontextmanager
async def connections(target: str) -> AsyncIterator[list[Stubs]]:
    """Connections of their own to the service."""
    async with AsyncExitStack() as stack:
        options = (("grpc.use_local_subchannel_pool", 1),)
        yield [
            Stubs(await stack.enter_async_context(grpc.aio.insecure_channel(target, options)))
            for _ in range(CONNECTIONS)
        ]


async def calls_of(port: int) -> float:
    """How many ListJobs calls a process has counted."""
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"http://{LOOPBACK}:{port}/metrics")).text
    line = 'render_grpc_calls_total{code="OK",method="/render.v1.RenderService/ListJobs"} '
    return sum(float(found.removeprefix(line)) for found in page.splitlines() if found.startswith(line))


def lines(log: Path) -> list[str]:
    """The whole lines of a log of JSON objects."""
    *whole, _ = log.read_text().split("\n")
    return [line for line in whole if line.startswith("{")]


async def until_logged(process: SupervisedProcess, event: str, times: int = 1) -> None:
    async with asyncio.timeout(60):
        while sum(json.loads(line)["event"] == event for line in lines(process.log)) < times:
            assert process.running, process.log.read_text()
            await asyncio.sleep(0.02)


async def test_calls_reach_both_processes_a_killed_one_comes_back_and_both_drain(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    target, ports = f"{LOOPBACK}:{port}", adjacent_ports(port)
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STORAGE_URL": (tmp_path / "objects").as_uri(),
        "RENDER_AUTH": "off",
        "RENDER_LISTEN": target,
        "RENDER_METRICS_LISTEN": f"{LOOPBACK}:{ports[0]}",
    }
    command = [sys.executable, "-m", "render_service", "serve", "--workers", "2"]
    server = SupervisedProcess("server", command, log=tmp_path / "log", environment={**os.environ, **settings})
    try:
        await server.start()
        await until_logged(server, "all server processes ready")
        taken = settings_of(database_url, redis_url, tmp_path, listen=target, auth="off")
        with pytest.raises(ConfigurationError, match=f"RENDER_LISTEN: cannot listen on {target}"):
            processes.run_processes(taken, 2, unused)  # type: ignore[arg-type]  # it is never called

        first, second = descendants(server.pid)
        os.kill(first, signal.SIGKILL)
        await until_logged(server, "all server processes ready", times=2)
        assert second in descendants(server.pid)
        assert len(descendants(server.pid)) == 2

        async with connections(target) as stubs:
            calls = [stub.renders.ListJobs(pb.ListJobsRequest(workspace_id="team")) for stub in stubs]
            await asyncio.gather(*calls)
            served = [await calls_of(port) for port in ports]
            assert all(served), "each process listens, and the kernel distributes connections"
            assert sum(served) == CONNECTIONS

            ended, running = [await start(stubs[0]), await start(stubs[-1])]
            watches = [watch(stub, ended) for stub in stubs]
            for stream in watches:
                await stream.read()
            await stubs[1].renders.CancelJob(pb.CancelJobRequest(workspace_id="team", job_id=ended))
            for stream in watches:
                assert await is_cancelled(stream), "each process delivers it"

            lasting = [watch(stub, running) for stub in stubs]
            for stream in lasting:
                await stream.read()
            os.kill(server.pid, signal.SIGTERM)
            reasons = {(await refusal(stream.read())).reason for stream in lasting}
            assert reasons == {"SHUTTING_DOWN"}
        assert await server.wait() == 0
        events = [line for line in server.log.read_text().splitlines() if "server stopped" in line]
        assert len(events) == 2, "each process drains"
    finally:
        await server.stop()


async def start(stubs: Stubs) -> str:
    request = pb.StartRenderRequest(workspace_id="team", project=project_message())
    return (await stubs.renders.StartRender(request)).job.job_id


Watch: TypeAlias = "grpc.aio.UnaryStreamCall[pb.WatchProgressRequest, pb.WatchProgressResponse]"


def watch(stubs: Stubs, job_id: str) -> Watch:
    return stubs.renders.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=job_id))


async def is_cancelled(stream: Watch) -> bool:
    """Whether the last event of a watch says so."""
    status = None
    while isinstance(answer := await stream.read(), pb.WatchProgressResponse):
        status = answer.event.status if answer.HasField("event") else status
    return status == job_pb2.JOB_STATUS_CANCELLED
