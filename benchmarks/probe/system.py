"""The service under attack, the victim beside the attacker, and the verdict."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from render_client import AsyncRenderClient, RenderError
from render_client.v1 import job_pb2, output_pb2, project_pb2

from render_service.db.access.api_keys import create_api_key
from render_service.embedded.stack import Stack
from tests.integration.server.issuer import Issuer

MOST_SLOWDOWN = 2.0
"""How many times its undisturbed time the victim's work may take during an attack."""
_LEAST_SECONDS = 1.0  # Below this, differences are noise of the scheduler.
JOB_SECONDS = 60.0


class Verdict:
    """What was measured, against what is allowed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def check(self, what: str, value: float, limit: float, unit: str) -> None:
        """Print a measurement with its upper limit, and remember whether it is exceeded."""
        kept = value <= limit
        if not kept:
            self.failed.append(what)
        print(f"{'ok  ' if kept else 'FAIL'}  {what:66} {value:9.2f} {unit}  (at most {limit:.2f})", flush=True)

    def fail(self, what: str, why: str) -> None:
        """Print that a scenario could not be measured; that counts as a failure."""
        self.failed.append(what)
        print(f"FAIL  {what}: {why}", flush=True)


@dataclass(frozen=True, slots=True)
class System:
    """A running service with an attacker and a victim in workspaces of their own.

    `undisturbed` is how many seconds the victim's job takes while no attack runs, measured before each: the machine may
    have other work.
    """

    stack: Stack
    issuer: Issuer
    attacker: AsyncRenderClient
    victim: AsyncRenderClient
    verdict: Verdict
    undisturbed: float = 0.0

    async def check_victim(self, attack: str) -> None:
        """Run the victim's job, and compare its time with the undisturbed one: both are the shorter one of two."""
        try:
            seconds = min([await timed(run_job(self.victim)) for _ in range(2)])
        except (AssertionError, RenderError, TimeoutError) as error:
            self.verdict.fail(f"{attack}: the victim's job", f"{type(error).__name__}: {error}")
            return
        limit = MOST_SLOWDOWN * max(self.undisturbed, _LEAST_SECONDS)
        self.verdict.check(f"{attack}: the victim's job takes", seconds, limit, "s")

    async def measured_anew(self) -> "System":
        """Return this system with the victim's undisturbed time as it is now."""
        return replace(self, undisturbed=await _undisturbed(self.victim))

    def server_memory_mib(self) -> float:
        """The server's resident memory, in MiB; see proc(5)."""
        status = Path(f"/proc/{self.stack.server.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def running_system(folder: Path, verdict: Verdict) -> AsyncIterator[System]:
    """Start the service with API keys and JWTs on."""
    async with Issuer() as issuer:
        environment = {
            "RENDER_AUTH": "api-keys,jwt",
            "RENDER_JWT_ISSUER": issuer.name,
            "RENDER_JWT_AUDIENCE": "render-service",
            "RENDER_JWT_JWKS_URL": issuer.url,
            "RENDER_COMPOSE_PROCESSES": "1",
            "RENDER_LOG_LEVEL": "warning",
        }
        async with (
            Stack(folder, environment=environment, durable=False) as stack,
            await _client(stack, "attacker") as attacker,
            await _client(stack, "victim") as victim,
        ):
            await run_job(victim)  # The first one loads fonts and code.
            yield System(stack, issuer, attacker, victim, verdict)


def project(text: str, *, shots: int = 1, seconds: float = 1.0) -> project_pb2.Project:
    """Return a project of title cards that show a text, each for so many seconds."""
    storyboard = project_pb2.Storyboard()
    for number in range(shots):
        shot = storyboard.shots.add(id=f"shot-{number}", visual_description=text)
        shot.duration.FromMilliseconds(round(seconds * 1000))
    return project_pb2.Project(title="Probe", storyboard=storyboard)


async def run_job(client: AsyncRenderClient, text: str | None = None, *, seconds: float = 1.0) -> None:
    """Render a card to the end; without a text, one that nobody has rendered before.

    Raises:
        AssertionError: The job did not complete.
        TimeoutError: It did not end within JOB_SECONDS.
    """
    draft = output_pb2.OutputOptions(quality=output_pb2.QUALITY_PRESET_DRAFT)
    async with asyncio.timeout(JOB_SECONDS):
        job = await client.start(project(text or str(uuid.uuid4()), seconds=seconds), provider="local", output=draft)
        job = await client.wait(job.job_id)
    if job.status != job_pb2.JOB_STATUS_COMPLETED:
        raise AssertionError(f"job is {job_pb2.JobStatus.Name(job.status)}: {job.error_message}")


async def timed(work: Awaitable[object]) -> float:
    """Return how many seconds some work takes."""
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def _undisturbed(victim: AsyncRenderClient) -> float:
    return min([await timed(run_job(victim)) for _ in range(2)])


async def _client(stack: Stack, workspace: str) -> AsyncRenderClient:
    key = await create_api_key(stack.postgres.url, workspace, frozenset({workspace}))
    return AsyncRenderClient(stack.target, token=key, workspace=workspace)
