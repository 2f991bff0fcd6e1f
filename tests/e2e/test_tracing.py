"""One trace leads from the caller's span through the queue and the worker to the provider and the compositor."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import grpc
import pytest
import pytest_asyncio
from google.protobuf import json_format
from render_client.v1 import job_pb2, output_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb
from render_client.v1 import render_service_pb2_grpc as pb_grpc

from render_service.embedded.stack import Stack
from tests.fakes import custom, runway
from tests.fakes.collector import CollectedSpan, FakeCollector, children, only
from tests.fakes.custom import FakeCustom
from tests.fakes.http_server import Fault
from tests.fakes.runway import FakeRunway

pytestmark = pytest.mark.asyncio(loop_scope="module")
START = "render.v1.RenderService/StartRender"
SERVER, WORKER = "render-server", "render-worker"


@dataclass
class Service:
    """The running service, traced."""

    stack: Stack
    stub: "pb_grpc.RenderServiceAsyncStub"
    collector: FakeCollector
    custom: FakeCustom
    runway: FakeRunway

    async def start(self, project: project_pb2.Project, provider: str, parent: str) -> job_pb2.Job:
        """Start a render as part of a caller's trace."""
        request = pb.StartRenderRequest(
            workspace_id="team",
            project=project,
            provider=provider,
            output=output_pb2.OutputOptions(size=output_pb2.FrameSize(width=256, height=144), fps=24),
        )
        return (await self.stub.StartRender(request, metadata=(("traceparent", parent),))).job

    async def ended(self, job: job_pb2.Job) -> job_pb2.Job:
        """Wait for a job's end."""
        async with asyncio.timeout(90):
            async for _ in self.stub.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=job.job_id)):
                pass
        return (await self.stub.GetJob(pb.GetJobRequest(workspace_id="team", job_id=job.job_id))).job

    def lines(self, process: str) -> list[dict[str, object]]:
        """What a process has logged."""
        lines = (self.stack.data_dir / f"{process}.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with FakeCollector() as collector, FakeCustom() as fake_custom, FakeRunway() as fake_runway:
        environment = {
            "RENDER_AUTH": "off",
            "RENDER_COMPOSE_PROCESSES": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "CUSTOM_VIDEO_API_URL": fake_custom.url,
            "CUSTOM_VIDEO_API_KEY": custom.KEY,
            "RUNWAYML_API_KEY": runway.KEY,
            "RUNWAYML_BASE_URL": fake_runway.url,
            "VIDEO_API_POLL_SECONDS": "0.1",
            "VIDEO_API_RETRY_ATTEMPTS": "0",
            "VIDEO_API_RETRY_DELAY": "0.1",
        }
        stack = Stack(tmp_path_factory.mktemp("tracing"), environment=environment, durable=False)
        async with stack, grpc.aio.insecure_channel(stack.target) as channel:
            yield Service(stack, pb_grpc.RenderServiceStub(channel), collector, fake_custom, fake_runway)


def project(*shots: Mapping[str, object]) -> project_pb2.Project:
    return json_format.ParseDict({"title": "Traced", "storyboard": {"shots": list(shots)}}, project_pb2.Project())


def caller() -> tuple[str, str, str]:
    """A caller's `traceparent`, with its trace id and span id."""
    trace_id, span_id = token_hex(16), token_hex(8)
    return f"00-{trace_id}-{span_id}-01", trace_id, span_id


async def test_a_local_render_is_one_trace_down_to_its_segments(service: Service) -> None:
    parent, trace_id, span_id = caller()
    shots = [{"caption": "One", "duration": "1s"}, {"caption": "Two", "duration": "1s"}]
    job = await service.start(project(*shots), "local", parent)
    assert (await service.ended(job)).status == job_pb2.JOB_STATUS_COMPLETED
    spans = await service.collector.trace_of(job.job_id)

    start = only(spans, START)
    assert (start.service, start.trace_id, start.parent_id) == (SERVER, trace_id, span_id)
    assert start.attributes.items() >= {
        ("rpc.system.name", "grpc"),
        ("rpc.method", START),
        ("rpc.response.status_code", "OK"),
        ("render.workspace", "team"),
        ("render.job.id", job.job_id),
        ("render.provider", "local"),
    }
    (attempt,) = children(spans, start)
    assert (attempt.service, attempt.name, attempt.fault) == (WORKER, "render attempt", None)
    assert attempt.attributes.items() >= {
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "render"),
        ("render.job.id", job.job_id),
        ("render.attempt", 1),
        ("render.status", "COMPLETED"),
    }
    assert {one.name for one in children(spans, attempt)} == {"preparing", "generating", "composing", "uploading"}
    made = [one.name for one in children(spans, only(spans, "composing"))]
    assert made.count("segment") >= 2
    assert {"segment", "sound", "joining", "checking", "store object"} == set(made)
    assert [one.name for one in children(spans, only(spans, "uploading"))] == ["store object"] * 6
    assert all(one.fault is None for one in spans)
    assert not any("Watch" in one.name for one in service.collector.spans), "a parked watch would pay for it"
    assert sum(one.seconds for one in children(spans, attempt)) <= attempt.seconds


async def test_calls_to_a_provider_are_in_the_trace_and_only_custom_receives_its_context(service: Service) -> None:
    shot = {"id": "one", "visualDescription": f"a harbour {token_hex(4)}", "duration": "2s"}
    for provider, fake in (("custom", service.custom), ("runway", service.runway)):
        parent, trace_id, _ = caller()
        job = await service.start(project(shot), provider, parent)
        assert (await service.ended(job)).status == job_pb2.JOB_STATUS_COMPLETED
        spans = await service.collector.trace_of(job.job_id)
        generating = {one.name: one for one in children(spans, only(spans, "generating"))}
        assert generating.keys() >= {"prepare clip", "submit clip", "await clip", "fetch clip"}
        assert generating["await clip"].attributes["render.shot"] == "one"
        assert all(one.attributes.get("render.provider", provider) == provider for one in generating.values())
        sent = [request.headers.get("traceparent") for request in fake.requests if request.method == "POST"]
        assert sent == ([f"00-{trace_id}-{generating['submit clip'].span_id}-01"] if provider == "custom" else [None])


async def test_every_attempt_hangs_below_the_start_and_says_why_it_failed(service: Service) -> None:
    service.custom.faults = [("POST", Fault(drop=True))]
    parent, *_ = caller()
    shot = {"visualDescription": f"a storm {token_hex(4)}", "duration": "2s"}
    job = await service.start(project(shot), "custom", parent)
    assert (await service.ended(job)).status == job_pb2.JOB_STATUS_COMPLETED
    spans = await service.collector.trace_of(job.job_id, attempts=2)
    first, second = sorted(children(spans, only(spans, START)), key=lambda one: str(one.attributes["render.attempt"]))
    assert (first.fault, first.attributes["error.type"]) == ("PROVIDER_FAILED", "PROVIDER_FAILED")
    assert (first.attributes["render.status"], first.attributes["render.attempt"]) == ("PENDING", 1)
    assert (second.fault, second.attributes["render.attempt"]) == (None, 2)
    failed = {one.name: one.fault for one in spans if one.fault is not None}
    assert failed == {"render attempt": "PROVIDER_FAILED", "generating": "PROVIDER_FAILED", "submit clip": "LOST"}


async def test_a_trace_holds_neither_secrets_nor_addresses(service: Service) -> None:
    parent, *_ = caller()
    secret = token_hex(8)
    shot = {"imageUri": f"https://absent.invalid/{secret}.jpg?signature={secret}", "caption": secret}
    job = await service.start(project(shot), "local", parent)
    assert (await service.ended(job)).status == job_pb2.JOB_STATUS_FAILED
    spans = await service.collector.trace_of(job.job_id)
    assert only(spans, "preparing").fault == only(spans, "render attempt").fault == "ASSET_INVALID"
    for hidden in (secret, custom.KEY, runway.KEY, "://"):
        assert hidden not in repr(service.collector.spans)


async def test_what_a_caller_does_wrong_is_no_fault_of_the_server(service: Service) -> None:
    parent, trace_id, _ = caller()
    with pytest.raises(grpc.aio.AioRpcError):
        await service.stub.GetJob(
            pb.GetJobRequest(workspace_id="team", job_id="0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"),
            metadata=(("traceparent", parent),),
        )
    refused: list[CollectedSpan] = []

    def exported(spans: list[CollectedSpan]) -> bool:
        refused[:] = [one for one in spans if one.trace_id == trace_id]
        return bool(refused)

    await service.collector.until(exported)
    assert [(one.attributes["rpc.response.status_code"], one.fault) for one in refused] == [("NOT_FOUND", None)]


async def test_what_a_caller_does_not_sample_is_not_recorded_yet_stays_one_trace(service: Service) -> None:
    parent, trace_id, _ = caller()
    job = await service.start(project({"caption": "One", "duration": "1s"}), "mock", parent.removesuffix("1") + "0")
    assert (await service.ended(job)).status == job_pb2.JOB_STATUS_COMPLETED
    records = [line for line in service.lines("worker") if line.get("job_id") == job.job_id]
    assert {line["trace_id"] for line in records} == {trace_id}
    seen = await service.start(project({"caption": "Two", "duration": "1s"}), "mock", caller()[0])
    await service.ended(seen)
    await service.collector.trace_of(seen.job_id)
    assert trace_id not in {one.trace_id for one in service.collector.spans}


async def test_lines_of_the_log_lead_to_the_trace_and_back(service: Service) -> None:
    parent, trace_id, _ = caller()
    job = await service.start(project({"caption": "One", "duration": "1s"}), "mock", parent)
    await service.ended(job)
    spans = await service.collector.trace_of(job.job_id)
    (started,) = (line for line in service.lines("server") if line.get("job_id") == job.job_id)
    assert (started["event"], started["trace_id"]) == ("render started", trace_id)
    assert started["span_id"] == only(spans, START).span_id
    assert started.keys() >= {"request_id", "method", "workspace_id", "timestamp", "level"}
    records = [line for line in service.lines("worker") if line.get("job_id") == job.job_id]
    assert {line["event"] for line in records} == {"claimed", "attempt ended"}
    attempt = only(spans, "render attempt")
    for line in records:
        assert (line["trace_id"], line["span_id"], line["attempt"]) == (trace_id, attempt.span_id, 1)


async def test_a_collector_that_never_answers_harms_nothing(tmp_path: Path) -> None:
    # Whoever connects is never even accepted: what he sends lies in the kernel.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "RENDER_AUTH": "off",
            "RENDER_COMPOSE_PROCESSES": "1",
            "RENDER_MOCK_DELAY": "0",
            "RENDER_SHUTDOWN_GRACE_SECONDS": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        async with Stack(tmp_path, environment=environment, durable=False) as stack:
            async with grpc.aio.insecure_channel(stack.target) as channel:
                stub = pb_grpc.RenderServiceStub(channel)
                request = pb.StartRenderRequest(
                    workspace_id="team", project=project({"caption": "One"}), provider="mock"
                )
                for _ in range(3):
                    job = (await stub.StartRender(request)).job
                    watch = stub.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=job.job_id))
                    async with asyncio.timeout(30):
                        events = [response async for response in watch]
                    assert events[-1].event.status == job_pb2.JOB_STATUS_COMPLETED
            for process in (stack.server, stack.worker):
                await process.stop()
                assert process.returncode == 0, "it had to be killed"
        silent.setblocking(False)
        silent.accept()[0].close()  # it was spoken to
