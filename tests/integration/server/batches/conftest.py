"""What the tests of batches share: a workspace, and a worker that ends the jobs of it as it is told."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from google.protobuf import json_format
from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import job_pb2, project_pb2
from render_client.v1 import render_service_pb2 as renders_pb

from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError, ProviderName
from tests.integration.server.conftest import Service
from tests.integration.server.status import Refusal, refusal

TEMPLATE = {
    "title": "For {{name}}",
    "storyboard": {"shots": [{"id": "one", "caption": "Hello, {{name}}!", "duration": "1s"}]},
}


def template(**fields: object) -> project_pb2.Project:
    """A template with the variable `name`, or with other fields."""
    return json_format.ParseDict({**TEMPLATE, **fields}, project_pb2.Project())


def row(name: str, key: str = "") -> pb.BatchRow:
    """A row of it."""
    return pb.BatchRow(key=key, variables={"name": name})


class Workspace:
    """The batches of a workspace that no other test uses."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.id = service.workspace
        self.calls = service.stubs.batches

    def request(self, *names: str, **fields: Any) -> pb.StartBatchRequest:
        """A StartBatch request of the template with a row for each name."""
        render = fields.pop("render", None) or renders_pb.StartRenderRequest(project=template())
        rows = fields.pop("rows", None) or [row(name) for name in names]
        return pb.StartBatchRequest(workspace_id=self.id, render=render, rows=rows, **fields)

    async def start(self, *names: str, **fields: Any) -> pb.Batch:
        return (await self.calls.StartBatch(self.request(*names, **fields))).batch

    async def refused(self, *names: str, **fields: Any) -> Refusal:
        return await refusal(self.calls.StartBatch(self.request(*names, **fields)))

    async def get(self, batch_id: str) -> pb.Batch:
        return (await self.calls.GetBatch(pb.GetBatchRequest(workspace_id=self.id, batch_id=batch_id))).batch

    async def cancel(self, batch_id: str) -> pb.Batch:
        return (await self.calls.CancelBatch(pb.CancelBatchRequest(workspace_id=self.id, batch_id=batch_id))).batch

    async def retry(self, batch_id: str, **fields: Any) -> pb.RetryBatchResponse:
        request = pb.RetryBatchRequest(workspace_id=self.id, batch_id=batch_id, **fields)
        answer: pb.RetryBatchResponse = await self.calls.RetryBatch(request)
        return answer

    async def until(self, batch_id: str, holds: Callable[[pb.Batch], bool]) -> pb.Batch:
        """Return the batch once something holds of it."""
        async with asyncio.timeout(60):
            while not holds(batch := await self.get(batch_id)):
                await asyncio.sleep(0.02)
        return batch

    async def jobs(self, batch_id: str, **fields: Any) -> list[job_pb2.Job]:
        """The jobs of a batch in the order of its rows; those of one row, the oldest first."""
        request = renders_pb.ListJobsRequest(workspace_id=self.id, batch_id=batch_id, page_size=100, **fields)
        jobs = (await self.service.stubs.renders.ListJobs(request)).jobs
        return sorted(jobs, key=lambda job: (job.batch.row, job.create_time.ToNanoseconds()))

    async def watch(self, batch_id: str, cursor: str = "") -> AsyncGenerator[pb.WatchBatchResponse, None]:
        request = pb.WatchBatchRequest(workspace_id=self.id, batch_id=batch_id, cursor=cursor)
        async for response in self.calls.WatchBatch(request):
            yield response

    async def work(self, outcomes: Mapping[str, bool] | None = None) -> list[str]:
        """Render all due jobs of the workspace, as a worker does; return their titles in the order of their claims.

        Args:
            outcomes: Whether the job of a title succeeds; others do.
        """
        lifecycle, titles = self.service.lifecycle, list[str]()
        await self._put_off_others()
        while claim := await lifecycle.claim(worker="test", providers=list(ProviderName), deadline=timedelta(hours=1)):
            assert claim.lease.workspace_id == self.id
            titles.append(claim.spec.project.title)
            if (outcomes or {}).get(titles[-1], True):
                await lifecycle.complete(claim.lease, None, None)
            else:
                error = JobError(ErrorReason.ASSET_INVALID, "bad picture")
                await lifecycle.end_attempt(claim.lease, error, retryable=False)
        return titles

    async def _put_off_others(self) -> None:
        async with self.service.database.single() as connection:
            await connection.execute(
                sa.text(
                    "UPDATE jobs SET run_after = now() + interval '1 day'"
                    " WHERE status = 'PENDING' AND workspace_id <> :workspace"
                ),
                {"workspace": self.id},
            )

    async def count(self, table: str, batch_id: str) -> int:
        """How many rows a table has of a batch."""
        column = "id" if table == "batches" else "batch_id"
        async with self.service.database.single() as connection:
            statement = sa.text(f"SELECT count(*) FROM {table} WHERE {column} = :id")
            return int(await connection.scalar(statement, {"id": UUID(batch_id)}))


@pytest.fixture
def workspace(service: Service) -> Workspace:
    return Workspace(service)
