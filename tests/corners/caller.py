"""What a strictly typed caller writes: `make corners` checks it with mypy and pyright against the installed client."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from render_client import (
    TLS,
    AsyncRenderClient,
    ClientConfig,
    ConfigurationError,
    FieldFault,
    InvalidRequestError,
    JobFailedError,
    RenderClient,
    RenderError,
    RetryPolicy,
    WorkspaceChange,
    has_ended,
    load_project,
    seconds,
    stage_name,
    status_name,
)
from render_client.v1 import job_pb2, output_pb2, project_pb2, render_service_pb2


def project() -> project_pb2.Project:
    """Build a project from messages."""
    sea = project_pb2.Shot(caption="sea", duration=seconds(1.5))
    sky = project_pb2.Shot(caption="sky", duration=seconds(timedelta(seconds=2)))
    return project_pb2.Project(title="Sea", storyboard=project_pb2.Storyboard(shots=[sea, sky]))


def film(target: str, folder: Path) -> tuple[str, float]:
    """Render, watch, list and download."""
    retry = RetryPolicy(call_attempts=2)
    output = output_pb2.OutputOptions(quality=output_pb2.QUALITY_PRESET_DRAFT)
    options = render_service_pb2.ProviderOptions(seed=7)

    def report(event: job_pb2.JobEvent) -> None:
        print(event.progress, event.message, stage_name(event.stage), has_ended(event))

    with RenderClient(target, token="rk", tls=TLS(), timeout=timedelta(seconds=5), retry=retry) as client:
        job: job_pb2.Job = client.render(
            project(), output=folder / "video.mp4", output_options=output, on_progress=report, timeout=60
        )
        started = client.start(project_id=job.project_id, provider_options=options, labels={"batch": "7"})
        for event in client.watch(started.job_id, timeout=timedelta(minutes=1)):
            report(event)
        names = [status_name(each.status) for each in client.list(statuses=["COMPLETED", "FAILED"])]
        changes: Iterator[WorkspaceChange] = client.watch_workspace(start="oldest")
        for change in changes:
            print(change.cursor, change.event.job_id if change.event else None)
        path: Path = client.download(job.job_id, "poster.jpg", artifact="poster", on_progress=lambda part, size: None)
        length: float = job.video.duration.ToTimedelta().total_seconds()
        return f"{path} {names} {client.create_download_url(job.job_id).url}", length


async def films(config: ClientConfig) -> list[job_pb2.Job]:
    """Do the same with asyncio."""
    async with AsyncRenderClient.from_config(config) as client:
        jobs = [await client.start(load_project(Path("project.json"))) for _ in range(2)]
        ended = await asyncio.gather(*(client.wait(job.job_id, timeout=60.0) for job in jobs))
        async for event in client.watch(jobs[0].job_id):
            print(event.sequence)
        return [job async for job in client.list()] + list(ended)


def main() -> None:
    """Handle what may go wrong."""
    try:
        film("127.0.0.1:50051", Path())
        asyncio.run(films(ClientConfig.load()))
    except JobFailedError as error:
        print(error.reason, error.metadata.get("shot_id"), error.job.error_message)
    except InvalidRequestError as error:
        faults: tuple[FieldFault, ...] = error.field_faults
        print([(fault.field, fault.description) for fault in faults])
    except (RenderError, ConfigurationError) as error:
        print(error)
