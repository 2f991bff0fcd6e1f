"""The real server in the process of a test: on real stores, with settings of the test's own, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from render_client.v1 import (
    batch_service_pb2_grpc,
    brand_service_pb2_grpc,
    project_service_pb2_grpc,
    render_service_pb2_grpc,
    webhook_service_pb2_grpc,
)

from render_service.config.settings import Settings
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.domain.jobs.job import ProviderName
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.runtime.health_probe import is_serving
from render_service.server.server import run_server


def settings_of(database_url: str, redis_url: str, folder: Path, **overrides: Any) -> Settings:
    """Settings for a server that listens on a free port of this machine; nothing comes from the environment."""
    given: dict[str, Any] = {
        "database_url": database_url,
        "redis_url": redis_url,
        "storage_url": (folder / "objects").as_uri(),
        "listen": f"{LOOPBACK}:{free_port()}",
        "work_dir": folder / "work",
        "default_provider": "mock",
    }
    return Settings(**(given | overrides))


@asynccontextmanager
async def serving(settings: Settings, channel: grpc.aio.Channel | None = None) -> AsyncIterator["Stubs"]:
    """Run the server, and yield stubs of its services.

    Args:
        settings: The server's.
        channel: How to reach it; None for one without TLS.
    """
    task = asyncio.create_task(run_server(settings))
    try:
        async with channel or grpc.aio.insecure_channel(settings.listen) as opened:
            async with asyncio.timeout(60):
                if channel is None:
                    while not await is_serving(settings.listen, timeout_seconds=1):
                        assert not task.done(), task.result()
                        await asyncio.sleep(0.02)
                else:
                    ready = asyncio.ensure_future(opened.channel_ready())
                    await asyncio.wait((ready, task), return_when=asyncio.FIRST_COMPLETED)
                    assert not task.done(), task.result()
            yield Stubs(opened)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Stubs:
    """The services of a server, as its callers see them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.renders = render_service_pb2_grpc.RenderServiceStub(channel)
        self.projects = project_service_pb2_grpc.ProjectServiceStub(channel)
        self.webhooks = webhook_service_pb2_grpc.WebhookServiceStub(channel)
        self.batches = batch_service_pb2_grpc.BatchServiceStub(channel)
        self.brands = brand_service_pb2_grpc.BrandServiceStub(channel)


async def claim_soon(lifecycle: JobLifecycle) -> Claim:
    """Claim a job as a worker does. The server's dispatcher may hold the rows of new jobs for a moment: workers hear of
    them only after that.
    """
    async with asyncio.timeout(60):
        while True:
            claim = await lifecycle.claim(worker="test", providers=list(ProviderName), deadline=timedelta(hours=1))
            if claim is not None:
                return claim
            await asyncio.sleep(0.01)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)
