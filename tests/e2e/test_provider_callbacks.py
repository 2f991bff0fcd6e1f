"""Providers call back a running service: server and worker are processes, and only the providers are fakes."""

from collections import Counter

import grpc
import pytest
from render_client.v1 import job_pb2, output_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb
from render_client.v1 import render_service_pb2_grpc as pb_grpc

from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.stack import Stack
from tests.fakes import custom, fal
from tests.fakes.custom import FakeCustom
from tests.fakes.fal import FakeFal
from tests.fakes.generating import GeneratingApi, TaskPlan


def request(provider: str) -> pb.StartRenderRequest:
    project = project_pb2.Project(title="Harbour")
    for number in range(3):
        project.storyboard.shots.add(visual_description=f"a harbour, {number}").duration.FromSeconds(2)
    output = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=512, height=288), fps=24)
    return pb.StartRenderRequest(workspace_id="team", project=project, provider=provider, output=output)


def polls(fake: GeneratingApi) -> Counter[str]:
    """How often each task was polled."""
    seen = (one.path.removesuffix("/status") for one in fake.requests if one.method == "GET")
    return Counter(path.rpartition("/")[2] for path in seen if path.rpartition("/")[2] in fake.tasks)


@pytest.mark.parametrize("lost", [pytest.param(False, marks=pytest.mark.long), True])
async def test_clips_are_found_done_by_callbacks_and_without_them_by_looking(
    tmp_path_factory: pytest.TempPathFactory, *, lost: bool
) -> None:
    listen = f"{LOOPBACK}:{free_port()}"
    async with FakeFal() as fake_fal, FakeCustom() as fake_custom:
        environment = {
            "RENDER_AUTH": "off",
            "RENDER_COMPOSE_PROCESSES": "1",
            "PIKA_API_KEY": fal.KEY,
            "PIKA_BASE_URL": fake_fal.url,
            "CUSTOM_VIDEO_API_URL": fake_custom.url,
            "CUSTOM_VIDEO_API_KEY": custom.KEY,
            "VIDEO_API_POLL_SECONDS": "1",
            "RENDER_CALLBACK_URL": f"http://{listen}",
            "RENDER_CALLBACK_LISTEN": listen,
            "CUSTOM_VIDEO_WEBHOOK_SECRET": custom.SECRET,
            "PIKA_WEBHOOK_JWKS_URL": fake_fal.jwks_url,
        }
        fakes: dict[str, GeneratingApi] = {"pika": fake_fal, "custom": fake_custom}
        for fake in fakes.values():
            fake.plan = lambda body: TaskPlan(running=2.5)
            fake.calls_back = not lost
        stack = Stack(tmp_path_factory.mktemp("callbacks"), environment=environment, durable=False)
        async with stack, grpc.aio.insecure_channel(stack.target) as channel:
            stub = pb_grpc.RenderServiceStub(channel)
            for provider, fake in fakes.items():
                started = (await stub.StartRender(request(provider))).job
                async for _ in stub.WatchProgress(pb.WatchProgressRequest(workspace_id="team", job_id=started.job_id)):
                    pass
                job = (await stub.GetJob(pb.GetJobRequest(workspace_id="team", job_id=started.job_id))).job
                assert job.status == job_pb2.JOB_STATUS_COMPLETED, job.error_message
                assert len(fake.bill) == 3
                assert [status for _, status in fake.callbacks] == ([] if lost else [200] * 3)
                # One after a second, and one for the call, or six seconds later; pika's result is another request.
                found = polls(fake)
                assert max(found.values()) <= (3 if provider == "pika" else 2), found
