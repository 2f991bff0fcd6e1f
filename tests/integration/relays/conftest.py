"""The real service without a worker, whose work the tests do step by step, and relays that can be killed."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from google.protobuf import duration_pb2
from redis.asyncio import Redis
from render_client import AsyncRenderClient
from render_client.v1 import project_pb2

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.db.jobs.jobs import Jobs
from render_service.db.migrate import upgrade
from render_service.domain.jobs.job import JobEvent, JobStage
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.stack import Stack
from render_service.progress.publisher import Publisher
from tests.records import lifecycle_of
from tests.serving import claim_soon

RELAYS = Path(__file__).parents[3] / "examples" / "relays"
PROJECT = project_pb2.Project(
    storyboard=project_pb2.Storyboard(
        shots=[project_pb2.Shot(caption="One", duration=duration_pb2.Duration(seconds=1))]
    )
)
STAGES = (JobStage.PREPARING, JobStage.GENERATING, JobStage.COMPOSING, JobStage.UPLOADING)


async def until(condition: Callable[[], bool], *, within: float = 20) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)


class Relay:
    """A relay in a process of its own.

    Args:
        arguments: What to run, as Python's arguments.
        environment: What it needs beside ours.
        port: Where it listens; None where it does not.
    """

    def __init__(self, arguments: list[str], environment: dict[str, str], port: int | None = None) -> None:
        self._arguments = arguments
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None
        self.port = port

    async def start(self) -> None:
        """Start it, also again after its end."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._arguments, env=self._environment, cwd=RELAYS
        )
        async with asyncio.timeout(30):
            while self.port is not None:
                try:
                    _, writer = await asyncio.open_connection(LOOPBACK, self.port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return

    async def kill(self) -> None:
        """SIGKILL it."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


@dataclass(frozen=True)
class Service:
    """The service, in a workspace of the test's own, and the means to do a worker's work."""

    stack: Stack
    database: Database
    lifecycle: JobLifecycle
    publisher: Publisher
    metrics: str
    workspace: str

    @property
    def environment(self) -> dict[str, str]:
        """What a relay needs to know."""
        return {
            "RENDER_TARGET": self.stack.target,
            "RENDER_WORKSPACE": self.workspace,
            "RENDER_CLIENT_CONFIG": os.devnull,
            "REDIS_URL": self.stack.valkey.url,
        }

    async def start(self) -> str:
        """Start a job."""
        async with AsyncRenderClient(self.stack.target, workspace=self.workspace) as client:
            return (await client.start(PROJECT, provider="mock")).job_id

    async def claim(self) -> Claim:
        """Claim a job that waits."""
        claim = await claim_soon(self.lifecycle)
        await self.publisher.publish(claim.event)
        return claim

    async def live(self, claim: Claim, *, steps: int = 80, pause: float = 0.04, padding: str = "") -> None:
        """Bring a job to its end in so many steps; every so often, the stage changes."""
        for step in range(steps):
            now = STAGES[step * len(STAGES) // steps]
            report = await self.lifecycle.report(
                claim.lease,
                stage=now,
                progress=step * 99 // steps,
                message=f"step {step}{padding}",
            )
            await self.publisher.publish(report.event)
            await asyncio.sleep(pause)
        await self.publisher.publish(await self.lifecycle.complete(claim.lease, None, None))

    async def milestones(self, job_id: str) -> list[JobEvent]:
        """All changes of state and stage of a job: what nobody may miss."""
        history = await Jobs(self.database).history(UUID(job_id), 0)
        assert history is not None
        return list(history.events)

    async def watchers(self) -> int:
        """How many watches are open at the server."""
        async with httpx.AsyncClient(verify=False) as client:
            text = (await client.get(f"http://{self.metrics}/metrics")).text
        return int(float(next(line for line in text.splitlines() if line.startswith("render_watchers ")).split()[1]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_service() -> AsyncIterator[Service]:
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        metrics = f"{LOOPBACK}:{free_port()}"
        environment = {
            "RENDER_AUTH": "off",
            "RENDER_HEARTBEAT_SECONDS": "0.5",
            "RENDER_METRICS_LISTEN": metrics,
        }
        stack = Stack(Path(folder), environment=environment, durable=False)
        await stack.start_stores()
        await asyncio.to_thread(upgrade, stack.postgres.url)
        await stack.start_server()
        database = Database(stack.postgres.url)
        redis = Redis.from_url(stack.valkey.url)
        yield Service(stack, database, lifecycle_of(database), Publisher(redis), metrics, "")
        await redis.aclose()
        await database.close()
        await stack.stop()


@pytest.fixture
def service(shared_service: Service) -> Service:
    """The service, and a workspace that no other test uses."""
    known = {name: getattr(shared_service, name) for name in shared_service.__dataclass_fields__}
    return Service(**(known | {"workspace": f"relays-{uuid4().hex[:8]}"}))


Starter = Callable[[str], Awaitable[Relay]]


@pytest_asyncio.fixture(loop_scope="module")
async def start_web_relay(service: Service) -> AsyncIterator[Starter]:
    """Starts one of the relays for browsers, by its module's name."""
    started: list[Relay] = []

    async def start(name: str) -> Relay:
        port = free_port()
        arguments = ["-m", "uvicorn", f"{name}:app", "--port", str(port), "--log-level", "warning"]
        relay = Relay(arguments, service.environment, port)
        started.append(relay)
        await relay.start()
        return relay

    yield start
    for relay in started:
        await relay.kill()
