"""The processes that are measured: Postgres, Valkey, the service's server and workers, and the bare server."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from render_service.db.migrate import upgrade
from render_service.embedded import EmbeddedPostgres, EmbeddedValkey
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.process import SupervisedProcess
from render_service.runtime.health_probe import is_serving


@dataclass(frozen=True, slots=True)
class Running:
    """A process that serves."""

    pid: int
    port: int
    started_in: float
    http_port: int = 0


@dataclass(frozen=True, slots=True)
class Stores:
    """Postgres and Valkey, and the environment that a process of the service gets."""

    folder: Path
    postgres: EmbeddedPostgres
    environment: Mapping[str, str]


@asynccontextmanager
async def stores() -> AsyncIterator[Stores]:
    """Start Postgres, with the schema, and Valkey, both as durable as in production."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey", persist=True)
        try:
            await asyncio.gather(postgres.start(), valkey.start())
            await asyncio.to_thread(upgrade, postgres.url)
            environment = {
                "DATABASE_URL": postgres.url,
                "REDIS_URL": valkey.url,
                "STORAGE_URL": (folder / "objects").as_uri(),
                "RENDER_WORK_DIR": str(folder / "work"),
                "RENDER_AUTH": "off",
                "RENDER_LOG_LEVEL": "info",
                "RENDER_MOCK_DELAY": "0",
                # Checked at each call, and never reached.
                "RENDER_QUOTA_REQUESTS_PER_SECOND": "1000000",
                "RENDER_QUOTA_QUEUED_JOBS": "1000000",
            }
            yield Stores(folder, postgres, environment)
        finally:
            await asyncio.gather(postgres.stop(), valkey.stop())


@asynccontextmanager
async def server(stores: Stores, processes: int = 1, *, http: bool = False) -> AsyncIterator[Running]:
    """Start a server of the service, of one or several processes, with HTTP or without."""
    port = free_port()
    http_port = free_port()
    settings = {"RENDER_SERVER_WORKERS": str(processes)}
    if http:
        settings["RENDER_HTTP_LISTEN"] = f"{LOOPBACK}:{http_port}"
    process = _service(stores, "serve", port, settings)
    began = time.perf_counter()
    try:
        await process.start()
        async with asyncio.timeout(60):
            while not await is_serving(f"{LOOPBACK}:{port}", timeout_seconds=1):
                await asyncio.sleep(0.01)
        yield Running(process.pid, port, time.perf_counter() - began, http_port)
    finally:
        await process.stop()


@asynccontextmanager
async def worker(stores: Stores, slots: int) -> AsyncIterator[Running]:
    """Start a worker of the service."""
    ready = stores.folder / f"worker-{free_port()}.ready"
    process = _service(stores, "work", 0, {"RENDER_WORKER_SLOTS": str(slots), "RENDER_READY_FILE": str(ready)})
    began = time.perf_counter()
    try:
        await process.start()
        async with asyncio.timeout(60):
            while not ready.exists():
                await asyncio.sleep(0.01)
        yield Running(process.pid, 0, time.perf_counter() - began)
    finally:
        await process.stop()


@asynccontextmanager
async def bare() -> AsyncIterator[tuple[Running, asyncio.StreamWriter]]:
    """Start the bare server; what is written to it is an event a line."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.service.bare", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield Running(process.pid, port, 0), process.stdin
    finally:
        process.kill()
        await process.wait()


def _service(stores: Stores, role: str, port: int, settings: Mapping[str, str]) -> SupervisedProcess:
    environment = {**os.environ, **stores.environment, **settings, "RENDER_LISTEN": f"{LOOPBACK}:{port}"}
    log = stores.folder / f"{role}-{port}.log"
    return SupervisedProcess(role, [sys.executable, "-m", "render_service", role], log=log, environment=environment)
