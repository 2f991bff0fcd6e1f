"""The running service makes the video that was asked for, and a cancelled render leaves nothing."""

import asyncio
import hashlib
import io
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import av
import grpc
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from render_client.projects_file import load_project
from render_client.v1 import job_pb2, output_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.embedded.stack import Stack
from render_service.embedded.supervisor import descendants
from tests.serving import Stubs

QUICKSTART = Path(__file__).parents[2] / "samples/quickstart/project.json"
OUTPUT = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=640, height=360), fps=30)
SECONDS = 4


@pytest.fixture
async def stubs(stack: Stack) -> AsyncIterator[Stubs]:
    async with grpc.aio.insecure_channel(stack.target) as channel:
        yield Stubs(channel)


async def start(stubs: Stubs, project: project_pb2.Project, workspace: str) -> job_pb2.Job:
    request = pb.StartRenderRequest(workspace_id=workspace, project=project, provider="local", output=OUTPUT)
    return (await stubs.renders.StartRender(request)).job


async def render(stubs: Stubs, project: project_pb2.Project, path: Path) -> tuple[job_pb2.Job, list[job_pb2.JobEvent]]:
    """Render a project to its end, download the video, and return the job and all events that its watcher received."""
    job = await start(stubs, project, "films")
    named = {"workspace_id": "films", "job_id": job.job_id}
    async with asyncio.timeout(90):
        watch = stubs.renders.WatchProgress(pb.WatchProgressRequest(**named, after_sequence=0))
        events = [response.event async for response in watch if response.HasField("event")]
    job = (await stubs.renders.GetJob(pb.GetJobRequest(**named))).job
    assert job.status == job_pb2.JOB_STATUS_COMPLETED, job.error_message
    download = stubs.renders.DownloadVideo(pb.DownloadVideoRequest(**named))  # type: ignore[arg-type]
    path.write_bytes(b"".join([piece.data async for piece in download]))
    return job, events


def decoded(path: Path) -> tuple[list[NDArray[np.uint8]], float]:
    """The luma of every frame, and the seconds of sound, after a look at the form of the file."""
    with av.open(str(path)) as container:
        (video,), (audio,) = container.streams.video, container.streams.audio
        assert (video.codec_context.name, video.profile, video.codec_context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (video.width, video.height, float(video.average_rate or 0)) == (640, 360, 30.0)
        assert audio.codec_context.name == "aac"
        frames = [np.asarray(frame.to_ndarray()[:360, :640], np.uint8) for frame in container.decode(video)]
        container.seek(0)
        sound = sum(frame.samples / frame.sample_rate for frame in container.decode(audio))
    return frames, float(sound)


async def test_a_frame_is_returned_without_a_job(stubs: Stubs) -> None:
    request = pb.RenderFrameRequest(
        workspace_id="frames", project=load_project(QUICKSTART), output=OUTPUT, format=pb.IMAGE_FORMAT_JPEG
    )
    request.time.FromMilliseconds(1500)
    drawn = await stubs.renders.RenderFrame(request)
    with Image.open(io.BytesIO(drawn.image)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 360))
    assert (drawn.content_type, drawn.width, drawn.height) == ("image/jpeg", 640, 360)
    assert (drawn.time.ToMilliseconds(), drawn.duration.ToSeconds()) == (1500, SECONDS)
    assert drawn.shot_id in {shot.id for shot in request.project.storyboard.shots}
    assert not (await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="frames"))).jobs

    request.time.FromSeconds(SECONDS)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stubs.renders.RenderFrame(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "time: must be less than 4.000 s, the length of the video"


async def test_the_video_is_what_was_asked_for(stubs: Stubs, tmp_path: Path) -> None:
    project = load_project(QUICKSTART)
    job, events = await render(stubs, project, tmp_path / "video.mp4")
    assert [event.sequence for event in events] == sorted({event.sequence for event in events})
    assert [event.progress for event in events] == sorted(event.progress for event in events)
    stages = list(dict.fromkeys(job_pb2.JobStage.Name(event.stage).removeprefix("JOB_STAGE_") for event in events))
    assert [stage for stage in stages if stage != "UNSPECIFIED"] == ["PREPARING", "COMPOSING", "CHECKING", "UPLOADING"]
    assert events[-1].status == job_pb2.JOB_STATUS_COMPLETED

    data = (tmp_path / "video.mp4").read_bytes()
    assert (job.video.size_bytes, job.video.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert data.index(b"moov") < data.index(b"mdat"), "it can be played while it is loaded"
    frames, sound = decoded(tmp_path / "video.mp4")
    assert len(frames) == job.video.frames == SECONDS * 30
    assert abs(sound - SECONDS) < 0.1

    oracle = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(tmp_path / "video.mp4")]
    crc = await asyncio.to_thread(
        subprocess.run, [*oracle, "-map", "0:v", "-f", "framecrc", "-"], capture_output=True, check=True, text=True
    )
    assert crc.stderr == ""
    assert sum(not line.startswith("#") for line in crc.stdout.splitlines()) == SECONDS * 30

    for shot in project.storyboard.shots:
        shot.ClearField("caption")
    await render(stubs, project, tmp_path / "bare.mp4")
    bare, _ = decoded(tmp_path / "bare.mp4")
    for number in (30, 90):
        with_caption, without = frames[number].astype(int), bare[number].astype(int)
        assert without.std() > 3, "a shot shows nothing"
        difference = np.abs(with_caption - without)
        assert (difference[240:] > 60).mean() > 0.005, "no caption is seen"
        assert (difference[:200] > 20).mean() < 0.001, "captions change the picture"
    assert np.abs(bare[30].astype(int) - bare[90].astype(int)).mean() > 1, "both shots look the same"


async def test_a_cancelled_render_stops_and_leaves_nothing(stubs: Stubs, stack: Stack) -> None:
    project = load_project(QUICKSTART)
    for shot in project.storyboard.shots:
        shot.duration.FromSeconds(120)
    before = len(descendants(stack.worker.pid))
    job = await start(stubs, project, "cancelled")
    named = {"workspace_id": "cancelled", "job_id": job.job_id}
    async with asyncio.timeout(60):
        watch = stubs.renders.WatchProgress(pb.WatchProgressRequest(**named))  # type: ignore[arg-type]
        asked = 0.0
        async for response in watch:
            if response.event.stage == job_pb2.JOB_STAGE_COMPOSING and response.event.progress > 6 and not asked:
                await stubs.renders.CancelJob(pb.CancelJobRequest(**named))
                asked = time.monotonic()
        took = time.monotonic() - asked
    assert (await stubs.renders.GetJob(pb.GetJobRequest(**named))).job.status == job_pb2.JOB_STATUS_CANCELLED
    assert took < 30
    async with asyncio.timeout(60):
        while len(descendants(stack.worker.pid)) > before or list((stack.data_dir / "work").glob("worker-*/*-1")):
            await asyncio.sleep(0.05)
    assert not list((stack.data_dir / "objects").glob(f"videos/cancelled/{job.job_id}/**/*.*"))
