"""While Postgres is read-only, reads and watches go on, writes ask to be tried again, and no process ends."""

import asyncio
from collections.abc import AsyncIterable
from pathlib import Path

import grpc
import pytest
from render_client.errors import translate
from render_client.v1 import job_pb2, project_pb2, render_service_pb2
from render_client.v1.render_service_pb2_grpc import RenderServiceStub

from tests.robustness.cluster import Cluster
from tests.robustness.service import caller
from tests.stores import set_read_only

_READ_ONLY_SECONDS = 6.0


async def test_a_read_only_postgres_ends_no_process_and_no_watch(tmp_path: Path) -> None:
    async with Cluster(tmp_path, settings={"RENDER_MOCK_DELAY": "1"}) as cluster:
        by_client = caller(cluster)
        pids = [member.process.pid for member in cluster.members]
        ended = await by_client.start()
        assert (await by_client.end_of(ended.job_id)).status == job_pb2.JOB_STATUS_COMPLETED
        running = await by_client.start()
        async with grpc.aio.insecure_channel(cluster.target()) as channel:
            stub = RenderServiceStub(channel)
            watch = stub.WatchProgress(
                render_service_pb2.WatchProgressRequest(workspace_id=ended.workspace_id, job_id=running.job_id)
            )
            seen: list[job_pb2.JobEvent] = []
            watching = asyncio.create_task(collect(watch, seen))
            await by_client.holder(running.job_id)

            await set_read_only(cluster.postgres.url, True)
            for job_id in (ended.job_id, running.job_id):
                request = render_service_pb2.GetJobRequest(workspace_id=ended.workspace_id, job_id=job_id)
                assert (await stub.GetJob(request, timeout=30)).job.job_id == job_id
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await stub.StartRender(start_request(ended.workspace_id), timeout=30)
            assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
            assert translate(refusal.value).retry_after is not None
            # Long enough for every background loop to meet it.
            await asyncio.sleep(_READ_ONLY_SECONDS)
            assert [member.process.pid for member in cluster.members if member.process.running] == pids
            assert not watching.done()
            await set_read_only(cluster.postgres.url, False)

            assert (await stub.StartRender(start_request(ended.workspace_id), timeout=30)).job.job_id
            async with asyncio.timeout(30):
                await watching
        assert seen[-1].status == job_pb2.JOB_STATUS_COMPLETED
        assert [member.process.pid for member in cluster.members if member.process.running] == pids
        await by_client.client.close()


async def collect(watch: AsyncIterable[render_service_pb2.WatchProgressResponse], seen: list[job_pb2.JobEvent]) -> None:
    seen += [response.event async for response in watch if response.HasField("event")]


def start_request(workspace_id: str) -> render_service_pb2.StartRenderRequest:
    shot = project_pb2.Shot(id="only", visual_description="A light in the dark")
    project = project_pb2.Project(title="Robust", storyboard=project_pb2.Storyboard(shots=[shot]))
    return render_service_pb2.StartRenderRequest(workspace_id=workspace_id, project=project, provider="mock")
