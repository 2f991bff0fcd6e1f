"""The health probe against a real gRPC server."""

import sys
from asyncio import create_subprocess_exec
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from render_service.embedded.ports import free_port
from render_service.runtime.health_probe import is_serving, local_target

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[str, health.aio.HealthServicer]]:
    """A gRPC server with nothing but its health, and where it listens."""
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}", servicer
    await server.stop(0)


async def test_a_serving_server_is_distinguished_from_a_stopping_one(
    server: tuple[str, health.aio.HealthServicer],
) -> None:
    target, servicer = server
    await servicer.set("", SERVING)
    assert await is_serving(target)
    await servicer.set("", NOT_SERVING)
    assert not await is_serving(target)


async def test_nobody_listening_is_not_serving() -> None:
    assert not await is_serving(f"127.0.0.1:{free_port()}", timeout_seconds=1)


@pytest.mark.parametrize(("serves", "code"), [(True, 0), (False, 1)])
async def test_the_probe_program_reports_by_its_exit_code(
    server: tuple[str, health.aio.HealthServicer], serves: bool, code: int
) -> None:
    target, servicer = server
    await servicer.set("", SERVING if serves else NOT_SERVING)
    listen = f"0.0.0.0:{target.rpartition(':')[2]}"
    probe = await create_subprocess_exec(
        sys.executable, "-m", "render_service.runtime.health_probe", env={"RENDER_LISTEN": listen}
    )
    assert await probe.wait() == code


@pytest.mark.parametrize(
    ("listen", "target"),
    [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("127.0.0.1:1", "127.0.0.1:1"), ("render:1", "render:1")],
)
def test_a_server_on_all_addresses_is_asked_on_loopback(listen: str, target: str) -> None:
    assert local_target(listen) == target
