"""Log lines name their call, job and trace, in the server as in the worker, traced or not."""

import asyncio
import json
from pathlib import Path

import grpc
import pytest
from render_client.v1 import job_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb
from render_client.v1 import render_service_pb2_grpc as pb_grpc

from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.embedded.stack import Stack
from tests.serving import bearer

PROJECT = project_pb2.Project(storyboard=project_pb2.Storyboard(shots=[project_pb2.Shot(caption="Confidential")]))
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")


def lines(stack: Stack, process: str, job_id: str) -> list[dict[str, object]]:
    """What a process has logged of a job."""
    log = (stack.data_dir / f"{process}.log").read_text(encoding="utf-8")
    records = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in records if line.get("job_id") == job_id]


async def test_every_line_says_whose_it_is(tmp_path: Path) -> None:
    async with Stack(
        tmp_path, environment={"RENDER_MOCK_DELAY": "0", "RENDER_COMPOSE_PROCESSES": "1"}, durable=False
    ) as stack:
        database = Database(stack.postgres.url)
        key = await ApiKeys(database).create("backend", frozenset({"team"}))
        (known,) = await ApiKeys(database).list()
        await database.close()
        metadata = (*bearer(key), PARENT)
        async with grpc.aio.insecure_channel(stack.target) as channel:
            stub = pb_grpc.RenderServiceStub(channel)
            start = pb.StartRenderRequest(workspace_id="team", project=PROJECT, provider="mock")
            job_id = (await stub.StartRender(start, metadata=metadata)).job.job_id
            watch = stub.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=job_id), metadata=metadata)
            async with asyncio.timeout(30):
                events = [response async for response in watch]
            assert events[-1].event.status == job_pb2.JOB_STATUS_COMPLETED
            await stack.postgres.stop()
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetJob(pb.GetJobRequest(workspace_id="team", job_id=job_id), metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE

        started, failed = lines(stack, "server", job_id)
        assert (started["event"], failed["event"]) == ("render started", "call refused")
        methods = ("/render.v1.RenderService/StartRender", "/render.v1.RenderService/GetJob")
        for line, method in zip((started, failed), methods, strict=True):
            assert (line["method"], line["principal"], line["trace_id"]) == (method, f"key:{known.id}", TRACE)
            assert line["request_id"]
        assert started["request_id"] != failed["request_id"]
        worked = lines(stack, "worker", job_id)
        assert [line["event"] for line in worked] == ["claimed", "attempt ended"]
        for line in worked:
            assert (line["workspace_id"], line["attempt"], line["trace_id"]) == ("team", 1, TRACE)
        logs = "".join(
            (stack.data_dir / f"{process}.log").read_text(encoding="utf-8") for process in ("server", "worker")
        )
        for secret in (key, key.removeprefix("rk_"), "Confidential"):
            assert secret not in logs
