"""What waiting for providers costs: `python -m benchmarks.providers`.

A fake of Runway's API on this machine, the real service around it. Measured are the worker process while 100 jobs wait
for their provider, and the time of one video beyond the provider's own and the composing.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import grpc
from render_client.v1 import job_pb2, output_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb
from render_client.v1 import render_service_pb2_grpc as pb_grpc

from render_service.embedded.stack import Stack
from tests.fakes.generating import TaskPlan
from tests.fakes.runway import KEY, FakeRunway

JOBS = 100
SECONDS = 20.0
MADE_IN = 10.0


def request(words: str, provider: str, shots: int = 1) -> pb.StartRenderRequest:
    """A render of shots of two seconds each."""
    project = project_pb2.Project(title="Benchmark")
    for number in range(shots):
        project.storyboard.shots.add(visual_description=f"{words}, {number}").duration.FromSeconds(2)
    output = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=512, height=288), fps=24)
    return pb.StartRenderRequest(workspace_id="bench", project=project, provider=provider, output=output)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory of a process, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def until(reached: Callable[[], bool]) -> None:
    """Wait for something that happens in the fake."""
    for _ in range(600):
        if reached():
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("it did not happen within a minute")


async def end_of(stub: "pb_grpc.RenderServiceAsyncStub", job: job_pb2.Job) -> job_pb2.Job:
    """Wait for the end of a job."""
    async for _ in stub.WatchProgress(pb.WatchProgressRequest(workspace_id="bench", job_id=job.job_id)):
        pass
    return (await stub.GetJob(pb.GetJobRequest(workspace_id="bench", job_id=job.job_id))).job


async def seconds_of(stub: "pb_grpc.RenderServiceAsyncStub", wanted: pb.StartRenderRequest) -> float:
    """Time from the start of a job to its end."""
    began = time.monotonic()
    job = await end_of(stub, (await stub.StartRender(wanted)).job)
    assert job.status == job_pb2.JOB_STATUS_COMPLETED, job.error_message
    return time.monotonic() - began


async def waiting(stub: "pb_grpc.RenderServiceAsyncStub", fake: FakeRunway, pid: int) -> None:
    """Measure the worker while many jobs wait."""
    fake.plan = lambda body: TaskPlan(running=3600)
    idle = resident_mb(pid)
    jobs = [(await stub.StartRender(request(f"wait {number}", "runway"))).job for number in range(JOBS)]
    await until(lambda: len(fake.bill) >= JOBS)
    await asyncio.sleep(5)
    cpu, began = cpu_seconds(pid), time.monotonic()
    await asyncio.sleep(SECONDS)
    share = (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
    print(f"{JOBS} jobs waiting: {resident_mb(pid):.0f} MB (idle {idle:.0f} MB), {share:.1%} of a core")
    began = time.monotonic()
    for job in jobs:
        await stub.CancelJob(pb.CancelJobRequest(workspace_id="bench", job_id=job.job_id))
    await until(lambda: all(task.cancelled or task.phase == "succeeded" for task in fake.tasks.values()))
    print(f"all of them cancelled at the provider {time.monotonic() - began:.1f} s after the first CancelJob")


async def overhead(stub: "pb_grpc.RenderServiceAsyncStub", fake: FakeRunway) -> None:
    """Measure a video beyond its provider's time and its composing."""
    fake.plan = lambda body: TaskPlan(running=MADE_IN)
    first = await seconds_of(stub, request("overhead", "runway", shots=6))
    # The same again: the clips and the segments are there, so that the rest is left. Composing costs what it costs.
    fresh = request("overhead", "runway", shots=6)
    fresh.output.fps = 25
    composing = await seconds_of(stub, fresh)
    print(
        f"one video of 6 shots: {first:.1f} s, of which the provider {MADE_IN:g} s, composing and the rest of a job "
        f"{composing:.1f} s, overhead {first - MADE_IN - composing:.1f} s"
    )


async def main() -> None:
    """Measure and print."""
    async with FakeRunway() as fake:
        environment = {
            "RENDER_AUTH": "off",
            "RUNWAYML_API_KEY": KEY,
            "RUNWAYML_BASE_URL": fake.url,
            "RUNWAYML_CONCURRENCY": "500",
            "RENDER_WORKER_SLOTS": str(JOBS),
        }
        with tempfile.TemporaryDirectory(prefix="render-") as folder:
            stack = Stack(Path(folder), environment=environment, durable=False)
            async with stack, grpc.aio.insecure_channel(stack.target) as channel:
                stub = pb_grpc.RenderServiceStub(channel)
                await overhead(stub, fake)
                await waiting(stub, fake, stack.worker.pid)


if __name__ == "__main__":
    asyncio.run(main())
