"""`render-service demo`: renders the sample project with the whole system into a video on disk."""

import asyncio
import tempfile
import time
from pathlib import Path

from render_client import AsyncRenderClient
from render_client.cli.progress import WatchDisplay
from render_client.projects_file import load_project
from render_client.v1 import job_pb2, project_pb2
from rich.console import Console

from render_service.config.settings import Settings
from render_service.config.speech import SPEECH_EXTRA, missing_packages
from render_service.embedded.process import ProcessFailed
from render_service.embedded.session import DEVELOPMENT_TARGET, WORKSPACE, command, grpcurl_line, key_of, make_stack
from render_service.embedded.stack import Stack
from render_service.speech.installation import SpeechNotInstalled, find_installation

_PACKAGE = Path(__file__).parents[1]
_SAMPLE = "samples/harbour/project.json"


def run_demo(out: Path, data: Path) -> int:
    """Render the sample into `out`/demo.mp4 and demo.jpg.

    The data is kept, so that `render-service dev` on the same folder shows the job, and a second run is fast. While
    such a `dev` is running, the demo uses a temporary folder instead.

    Args:
        out: Folder for the results; created if missing.
        data: Folder for all data of the service.

    Returns:
        The exit code: 0 if the video was written.
    """
    console = Console(highlight=False)
    try:
        if not Stack.is_in_use(data):
            return asyncio.run(_run(out, data, console))
        with tempfile.TemporaryDirectory(prefix="render-demo-") as folder:
            return asyncio.run(_run(out, Path(folder), console))
    except ProcessFailed as failure:
        console.print(str(failure), markup=False)
        return 1


def sample_project() -> Path:
    """Return the project file of the demo: in the installed package, or in the repository that it is developed in."""
    packaged = _PACKAGE / _SAMPLE
    return packaged if packaged.is_file() else _PACKAGE.parent / _SAMPLE


def _why_silent() -> str | None:
    """Return why narrations cannot be spoken here; None if they can."""
    settings = Settings()
    missing = missing_packages(with_model=settings.speech_model is None)
    if missing:
        return f"speech needs {SPEECH_EXTRA}"
    if not settings.speaks_locally:
        return "RENDER_SPEECH_PROVIDER is not local"
    try:
        find_installation(settings.speech_model, settings.speech_voices)
    except SpeechNotInstalled as error:
        return str(error)
    return None


def _silence(project: project_pb2.Project) -> None:
    """Leave out what needs voices."""
    project.ClearField("speech")
    project.ClearField("captions")
    for shot in project.storyboard.shots:
        shot.ClearField("speech")


async def _run(out: Path, data: Path, console: Console) -> int:
    began = time.monotonic()
    sample = sample_project()
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    console.print("Starting Postgres, Valkey, a gRPC server and a worker …")
    stack = make_stack(data, port=None, file_roots=(sample.parent,))
    async with stack:
        key = await key_of(stack)
        console.print(f"Ready after {time.monotonic() - began:.1f} s at {stack.target}.")
        async with AsyncRenderClient(stack.target, token=key, workspace=WORKSPACE) as client:
            document = load_project(sample)
            silent = await asyncio.to_thread(_why_silent)
            if silent is not None:
                _silence(document)
                console.print(f"Without voices: {silent}.", markup=False)
            project = await client.create_project(document)
            console.print(f"Project “{project.title}”, {len(project.storyboard.shots)} shots.\n")
            job = await client.start(project_id=project.project_id)
            with WatchDisplay(console) as display:
                async for event in client.watch(job.job_id):
                    display.show(event, project.title)
            job = await client.get(job.job_id)
            if job.status != job_pb2.JOB_STATUS_COMPLETED:
                console.print(f"\nThe job ended as {job_pb2.JobStatus.Name(job.status)}: {job.error_message}")
                return 1
            video, poster = out / "demo.mp4", out / "demo.jpg"
            await client.download(job.job_id, video)
            await client.download(job.job_id, poster, artifact="poster")
    seconds = job.video.frames / job.video.fps
    size = f"{job.video.width} × {job.video.height}"
    console.print(
        f"\n[bold]{video}[/]  {seconds:.1f} s, {size}, {job.video.fps} fps, "
        f"{job.video.size_bytes / 1e6:.1f} MB\n[bold]{poster}[/]\n\n"
        f"To inspect the job, run `{command('render-service')} dev`, and in a second shell:\n"
    )
    request = f'{{"workspace_id": "{WORKSPACE}", "job_id": "{job.job_id}"}}'
    console.print(
        "  " + grpcurl_line(DEVELOPMENT_TARGET, key, "render.v1.RenderService/GetJob", request),
        markup=False,
        soft_wrap=True,
    )
    console.print(f"\nEverything is stopped. It took {time.monotonic() - began:.0f} s.")
    return 0
