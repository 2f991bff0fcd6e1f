"""What the tests of single faults share: starting a job, waiting for its end, reading its row."""

import asyncio
import uuid
from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row
from render_client.aio import AsyncRenderClient
from render_client.retry import RetryPolicy
from render_client.v1 import job_pb2, output_pb2, project_pb2

from tests.robustness.cluster import Cluster, Member
from tests.robustness.history import History, JobRow
from tests.robustness.tables import read_tables


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller of a cluster.

    Args:
        cluster: Whom it calls.
        client: How.
    """

    cluster: Cluster
    client: AsyncRenderClient

    async def start(self, provider: str = "mock", request_id: str | None = None) -> job_pb2.Job:
        """Start a job of one short shot, small enough to be rendered at once."""
        shot = project_pb2.Shot(id="only", visual_description="A light in the dark")
        shot.duration.FromMilliseconds(500)
        return await self.client.start(
            project_pb2.Project(title="Robust", storyboard=project_pb2.Storyboard(shots=[shot])),
            provider=provider,
            output=output_pb2.OutputOptions(quality=output_pb2.QUALITY_PRESET_DRAFT),
            request_id=request_id or str(uuid.uuid4()),
            labels={"body": "one"},
        )

    async def end_of(self, job_id: str, seconds: float = 120) -> job_pb2.Job:
        """Wait for the end of a job."""
        async with asyncio.timeout(seconds):
            return await self.client.wait(job_id)

    async def row(self, job_id: str) -> JobRow:
        """Return a job as the tables have it."""
        history = History()
        await read_tables(self.cluster.postgres.url, history)
        return history.jobs[job_id]

    async def rows(self) -> History:
        """Return all jobs as the tables have them."""
        history = History()
        await read_tables(self.cluster.postgres.url, history)
        return history

    async def holder(self, job_id: str, seconds: float = 30) -> Member:
        """Wait until a worker has taken a job up, and return it."""
        async with asyncio.timeout(seconds):
            while True:
                pid = await self._pid_of_holder(job_id)
                found = [one for one in self.cluster.workers if one.process.running and one.process.pid == pid]
                if found:
                    return found[0]
                await asyncio.sleep(0.02)

    async def _pid_of_holder(self, job_id: str) -> int | None:
        url = self.cluster.postgres.url
        async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
            found = await connection.execute(
                "SELECT worker FROM jobs WHERE id = %s AND lease_token IS NOT NULL", [job_id]
            )
            row = await found.fetchone()
        return int(row["worker"].rpartition(":")[2]) if row is not None else None


def caller(cluster: Cluster) -> Caller:
    """Return a caller; its client is to be closed."""
    return Caller(
        cluster,
        AsyncRenderClient(cluster.target(), retry=RetryPolicy(longest_delay=0.5, call_attempts=500), timeout=120),
    )
