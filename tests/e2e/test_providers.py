"""A storyboard of six shots through each paid provider: clips of the fakes, assembled into a checked video."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import grpc
import pytest
import pytest_asyncio
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from render_client.v1 import job_pb2, output_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb
from render_client.v1 import render_service_pb2_grpc as pb_grpc

from render_service.embedded.stack import Stack
from tests.fakes import custom, fal, runway
from tests.fakes.custom import FakeCustom
from tests.fakes.fal import FakeFal
from tests.fakes.generating import TaskPlan
from tests.fakes.runway import FakeRunway

pytestmark = pytest.mark.asyncio(loop_scope="module")
LENGTHS = (2.0, 3.0, 4.0, 2.5, 1.5, 3.0)


@dataclass
class Service:
    """The running service with its providers."""

    stub: "pb_grpc.RenderServiceAsyncStub"
    runway: FakeRunway
    pika: FakeFal
    custom: FakeCustom


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with FakeRunway() as fake_runway, FakeFal() as fake_fal, FakeCustom() as fake_custom:
        environment = {
            "RENDER_AUTH": "off",
            "RENDER_COMPOSE_PROCESSES": "1",
            "RUNWAYML_API_KEY": runway.KEY,
            "RUNWAYML_BASE_URL": fake_runway.url,
            "PIKA_API_KEY": fal.KEY,
            "PIKA_BASE_URL": fake_fal.url,
            "CUSTOM_VIDEO_API_URL": fake_custom.url,
            "CUSTOM_VIDEO_API_KEY": custom.KEY,
            "VIDEO_API_POLL_SECONDS": "0.2",
            "VIDEO_API_RETRY_DELAY": "0.1",
        }
        stack = Stack(tmp_path_factory.mktemp("providers"), environment=environment, durable=False)
        async with stack, grpc.aio.insecure_channel(stack.target) as channel:
            yield Service(pb_grpc.RenderServiceStub(channel), fake_runway, fake_fal, fake_custom)


def request(
    provider: str, words: str = "a harbour", *, options: pb.ProviderOptions | None = None, dry_run: bool = False
) -> pb.StartRenderRequest:
    project = project_pb2.Project(title="Harbour")
    for number, seconds in enumerate(LENGTHS, 1):
        shot = project.storyboard.shots.add(visual_description=f"{words}, {number}", caption=f"Shot {number}")
        shot.duration.FromMilliseconds(int(seconds * 1000))
    output = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=512, height=288), fps=24)
    return pb.StartRenderRequest(
        workspace_id="team",
        project=project,
        provider=provider,
        output=output,
        provider_options=options,
        dry_run=dry_run,
    )


def makers(job: job_pb2.Job) -> list[str]:
    """Who made each shot."""
    return [clip["provider"] for clip in json_format.MessageToDict(job.raw_results.extra)["clips"]]


async def ended(service: Service, job: job_pb2.Job) -> job_pb2.Job:
    watch = service.stub.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=job.job_id))
    async with asyncio.timeout(120):
        async for _ in watch:
            pass
    return (await service.stub.GetJob(pb.GetJobRequest(workspace_id="team", job_id=job.job_id))).job


async def downloaded(service: Service, job: job_pb2.Job, path: Path) -> Path:
    pieces = service.stub.DownloadVideo(pb.DownloadVideoRequest(workspace_id="team", job_id=job.job_id))
    path.write_bytes(b"".join([piece.data async for piece in pieces]))
    return path


BILLS: dict[str, Callable[[Service], int]] = {
    "runway": lambda service: len(service.runway.bill),
    "pika": lambda service: len(service.pika.bill),
    "custom": lambda service: len(service.custom.bill),
}


@pytest.mark.parametrize("provider", ["runway", "pika", "custom"])
async def test_six_shots_become_a_checked_video(service: Service, provider: str, tmp_path: Path) -> None:
    priced = await service.stub.StartRender(request(provider, dry_run=True))
    assert not priced.HasField("job")
    assert len(priced.estimate.shots) == 6
    assert BILLS[provider](service) == 0
    started = await service.stub.StartRender(request(provider))
    job = await ended(service, started.job)
    assert job.status == job_pb2.JOB_STATUS_COMPLETED, job.error_message
    assert BILLS[provider](service) == 6
    if priced.estimate.cost:
        assert job.cost == priced.estimate.cost
    assert makers(job) == [provider] * 6
    with av.open(str(await downloaded(service, job, tmp_path / "video.mp4"))) as video:
        frames = sum(1 for _ in video.decode(video=0))
    assert frames == job.video.frames
    # Five half-second cross-fades.
    assert frames == round((sum(LENGTHS) - 5 * 0.5) * 24)

    again = await ended(service, (await service.stub.StartRender(request(provider))).job)
    assert again.status == job_pb2.JOB_STATUS_COMPLETED
    assert BILLS[provider](service) == 6
    assert not again.cost


async def test_a_shot_that_a_provider_fails_at_falls_back_to_its_card(service: Service) -> None:
    service.runway.plan = lambda body: TaskPlan(failure="ASSET.INVALID" if "3" in body["promptText"] else None)
    options = pb.ProviderOptions(fallbacks=[pb.ProviderFallback(provider="local")])
    job = await ended(service, (await service.stub.StartRender(request("runway", "boats", options=options))).job)
    service.runway.plan = lambda body: TaskPlan()
    assert job.status == job_pb2.JOB_STATUS_COMPLETED, job.error_message
    assert makers(job) == ["runway", "runway", "local", "runway", "runway", "runway"]


async def test_a_cancelled_job_is_cancelled_at_its_provider(service: Service) -> None:
    service.custom.plan = lambda body: TaskPlan(running=600)
    before = set(service.custom.tasks)
    started = await service.stub.StartRender(request("custom", "gulls"))
    async with asyncio.timeout(60):
        while len(service.custom.tasks) < len(before) + 4:
            await asyncio.sleep(0.05)
        await service.stub.CancelJob(pb.CancelJobRequest(workspace_id="team", job_id=started.job.job_id))
        new = [task for task_id, task in service.custom.tasks.items() if task_id not in before]
        while not all(task.cancelled for task in new):
            await asyncio.sleep(0.05)
    service.custom.plan = lambda body: TaskPlan()
    assert (await ended(service, started.job)).status == job_pb2.JOB_STATUS_CANCELLED


async def test_refused_content_fails_the_job_with_its_own_reason(service: Service) -> None:
    service.pika.plan = lambda body: TaskPlan(failure="content_policy_violation")
    job = await ended(service, (await service.stub.StartRender(request("pika", "storm"))).job)
    service.pika.plan = lambda body: TaskPlan()
    assert job.status == job_pb2.JOB_STATUS_FAILED
    assert job.error_reason == "CONTENT_REFUSED"
    assert job.error_metadata["shot_id"].startswith("shot-")


async def test_what_cannot_be_made_is_refused_before_anything_is_paid(service: Service) -> None:
    before = len(service.runway.bill)
    too_long = request("runway", "x" * 1001)
    image_only = request("runway", options=pb.ProviderOptions(model="gen4_turbo"))
    strict = request("runway", options=pb.ProviderOptions(strict=True))
    unknown = request("runway", options=pb.ProviderOptions(model="gen9"))
    for bad, field in (
        (too_long, "project.storyboard.shots[0].visual_description"),
        (image_only, "project.storyboard.shots[0].image_uri"),
        (strict, "project.storyboard.shots[3].duration"),
        (unknown, "provider_options.model"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await service.stub.StartRender(bad)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        status = rpc_status.from_call(cast(grpc.Call, refused.value))
        assert status is not None
        faults = error_details_pb2.BadRequest()
        assert any(detail.Unpack(faults) for detail in status.details)
        assert field in [fault.field for fault in faults.field_violations]
    assert len(service.runway.bill) == before
