"""Measures the usual stack beside the service: requests accepted a second, and jobs finished a second."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.service.load import CLIENTS
from benchmarks.service.stack import Stores
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.process import SupervisedProcess

_ROOT = Path(__file__).parents[2]
_ACCEPTED = b"HTTP/1.1 202"
_COMPLETED = "SELECT count(*) FROM usual_jobs WHERE status = 'completed'"
_CELERY = ("worker", "-l", "warning", "-c", "2", "--without-gossip", "--without-mingle", "--prefetch-multiplier", "16")
_START_SECONDS = 120.0  # importing all of it takes long on a busy machine


@dataclass(frozen=True, slots=True)
class UsualStack:
    """Requests that were accepted, and jobs that were finished, a second each."""

    accepted: float
    finished: float


async def measure_usual_stack(stores: Stores, python: Path, *, seconds: float) -> UsualStack:
    """Measure the usual stack: first accepted requests without a worker, then a worker on what they queued.

    Args:
        stores: Where its jobs are: the same servers as the service's, in a table of its own.
        python: The interpreter of the virtual environment with its packages.
        seconds: How long each of the two is measured, after a second of warming up.
    """
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": stores.postgres.url.replace("postgresql://", "postgresql+psycopg://"),
        "REDIS_URL": stores.environment["REDIS_URL"],
        "PYTHONPATH": str(_ROOT),
    }
    server = ("uvicorn", "benchmarks.service.usual.app:app", "--port", str(port), "--no-access-log")
    worker = ("celery", "-A", "benchmarks.service.usual.tasks:celery_app", *_CELERY)
    async with _running(stores, environment, python, *server) as process:
        await _listening(process, port)
        await _accept(port, 1.0)
        began = time.perf_counter()
        accepted = await _accept(port, seconds) / (time.perf_counter() - began)
    async with (
        await psycopg.AsyncConnection.connect(stores.postgres.url, autocommit=True) as connection,
        _running(stores, environment, python, *worker) as process,
    ):
        async with asyncio.timeout(_START_SECONDS):
            while await _completed(connection) < CLIENTS:
                _check(process)
                await asyncio.sleep(0.05)
        before, began = await _completed(connection), time.perf_counter()
        await asyncio.sleep(seconds)
        finished = (await _completed(connection) - before) / (time.perf_counter() - began)
    return UsualStack(accepted, finished)


@asynccontextmanager
async def _running(
    stores: Stores, environment: dict[str, str], python: Path, *module: str
) -> AsyncIterator[SupervisedProcess]:
    log = stores.folder / f"usual-{module[0]}.log"
    process = SupervisedProcess(module[0], [str(python), "-m", *module], log=log, environment=environment)
    try:
        await process.start()
        yield process
    finally:
        await process.stop()


def _check(process: SupervisedProcess) -> None:
    if not process.running:
        raise process.failure("ended")


async def _listening(process: SupervisedProcess, port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            _check(process)
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _accept(port: int, seconds: float) -> int:
    """Return how many requests were accepted from `CLIENTS` clients, whose messages are bytes already."""
    request = f"POST /render/bench HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nContent-Length: 0\r\n\r\n".encode()
    end = time.perf_counter() + seconds
    accepted = 0

    async def client() -> None:
        nonlocal accepted
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        async with AsyncExitStack() as stack:
            stack.callback(writer.close)
            while time.perf_counter() < end:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                if not head.startswith(_ACCEPTED):
                    raise RuntimeError(f"the usual stack refused a request: {head!r}")
                accepted += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    return accepted


async def _completed(connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> int:
    row = await (await connection.execute(_COMPLETED)).fetchone()
    assert row is not None
    return int(str(row[0]))
