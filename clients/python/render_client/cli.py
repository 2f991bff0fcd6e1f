"""The `render` command."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated, cast

import typer
from render.v1 import job_pb2
from render.v1.render_service_pb2 import ProviderOptions

from render_client.aio import AsyncRenderClient
from render_client.cli_options import Artifact, AspectRatio, FileFormat, Quality, Status, output_options, parse_pairs
from render_client.cli_output import EXIT_CODES, JOB_FAILED, REFUSED, Output, end_code
from render_client.cli_progress import WatchDisplay, show_download
from render_client.cli_projects import projects
from render_client.cli_sample import SAMPLE
from render_client.cli_session import Connection, JobId, Labels, Machine, Model, Variables, speaking
from render_client.cli_webhooks import webhooks
from render_client.config import ClientConfig
from render_client.errors import RenderError
from render_client.messages import ArtifactName, StatusName, has_ended
from render_client.projects_file import load_project
from render_client.sync import RenderClient

app = typer.Typer(
    name="render",
    help="Render projects into videos, and watch it happen.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(projects)
app.add_typer(webhooks)


@app.callback()
def connect(
    context: typer.Context,
    *,
    target: Annotated[
        str | None, typer.Option(help="Address of the service, host:port or unix:PATH. (RENDER_TARGET)")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="API key; better given as RENDER_TOKEN, which other users of the machine cannot see."),
    ] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", "-w", help="Workspace. (RENDER_WORKSPACE)")] = None,
    tls: Annotated[
        str | None,
        typer.Option(help="on, off, or a PEM file of authorities; else on but to this machine. (RENDER_TLS)"),
    ] = None,
    timeout: Annotated[str | None, typer.Option(help="Seconds for each call. (RENDER_TIMEOUT)")] = None,
) -> None:
    """Render projects into videos, and watch it happen.

    Settings come from these options, else from the environment, else from ~/.config/render/config.toml.
    """
    context.obj = Connection({"target": target, "token": token, "workspace": workspace, "tls": tls, "timeout": timeout})


@app.command()
def start(
    context: typer.Context,
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Project file: JSON form of render.v1.Project.", show_default=False),
    ] = None,
    project_id: Annotated[str | None, typer.Option("--project-id", help="A stored project, in place of FILE.")] = None,
    provider: Annotated[str | None, typer.Option(help="local, runway, pika, custom or mock.")] = None,
    model: Model = None,
    aspect_ratio: Annotated[AspectRatio | None, typer.Option("--aspect-ratio", help="Shape of the picture.")] = None,
    fps: Annotated[int, typer.Option(help="Frames per second: 24, 25, 30, 50 or 60.", show_default=False)] = 0,
    quality: Annotated[Quality | None, typer.Option(help="Time against sharpness.")] = None,
    container: Annotated[FileFormat | None, typer.Option("--format", help="File format.")] = None,
    variable: Variables = None,
    label: Labels = None,
    priority: Annotated[
        int, typer.Option(help="Among the workspace's jobs, −100 to 100; greater goes first.", show_default=False)
    ] = 0,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="UUID: the same one never starts a second job.")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(metavar="URL", help="Address that is told when the job has ended.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show the progress.")] = False,
    download: Annotated[
        Path | None, typer.Option("--download", "-o", help="Stay, and download the video to here when it is done.")
    ] = None,
    machine: Machine = False,
) -> None:
    """Start rendering a project; prints the job."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        if (file is None) == (project_id is None):
            raise typer.BadParameter("give either FILE or --project-id")
        options = output_options(aspect_ratio, fps, quality, container)
        job = client.start(
            load_project(file) if file else None,
            project_id=project_id,
            provider=provider,
            output=options,
            request_id=request_id,
            labels=parse_pairs(label, "--label"),
            provider_options=ProviderOptions(model=model) if model else None,
            priority=priority,
            variables=parse_pairs(variable, "--var"),
            webhook_url=webhook,
        )
        if not watch and download is None:
            # For people who script without --json: nothing but the id on standard output.
            if machine:
                output.job(job)
            else:
                print(job.job_id)
            output.say(f"watch it: render watch {job.job_id}")
            return
        output.say(f"job {job.job_id}")
        _finish(context.obj, output, [job.job_id], download)


@app.command()
def estimate(
    context: typer.Context,
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Project file: JSON form of render.v1.Project.", show_default=False),
    ] = None,
    project_id: Annotated[str | None, typer.Option("--project-id", help="A stored project, in place of FILE.")] = None,
    provider: Annotated[str | None, typer.Option(help="runway, pika or custom.")] = None,
    model: Model = None,
    variable: Variables = None,
    machine: Machine = False,
) -> None:
    """Check a project, and tell what it would order from its provider; starts nothing."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        if (file is None) == (project_id is None):
            raise typer.BadParameter("give either FILE or --project-id")
        output.estimate(
            client.estimate(
                load_project(file) if file else None,
                project_id=project_id,
                provider=provider,
                provider_options=ProviderOptions(model=model) if model else None,
                variables=parse_pairs(variable, "--var"),
            )
        )


@app.command()
def get(context: typer.Context, *, job_id: JobId, machine: Machine = False) -> None:
    """Show a job as it is now."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        output.job(client.get(job_id))


@app.command("list")
def list_jobs(
    context: typer.Context,
    *,
    status: Annotated[list[Status] | None, typer.Option(help="Only jobs in this status; may be given again.")] = None,
    project_id: Annotated[str | None, typer.Option("--project-id", help="Only jobs of this project.")] = None,
    label: Labels = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    machine: Machine = False,
) -> None:
    """List jobs, newest first."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        statuses = [cast("StatusName", each.value.upper()) for each in status or ()]
        jobs = client.list(statuses=statuses, project_id=project_id, labels=parse_pairs(label, "--label"))
        output.jobs(job for _, job in zip(range(limit), jobs, strict=False))


@app.command()
def watch(
    context: typer.Context,
    *,
    job_ids: Annotated[list[str], typer.Argument(metavar="JOB...", help="One or many jobs.", show_default=False)],
    after_sequence: Annotated[
        int | None, typer.Option("--after-sequence", help="Go on after this sequence; for a single job.")
    ] = None,
    download: Annotated[
        Path | None, typer.Option("--download", "-o", help="Download the video to here when it is done; single job.")
    ] = None,
    machine: Machine = False,
) -> None:
    """Show the progress of jobs until they end; reconnects by itself. Interrupting it leaves the jobs alone."""
    output = Output(machine)
    with speaking(output, context.obj):
        if len(job_ids) > 1 and (after_sequence is not None or download is not None):
            raise typer.BadParameter("--after-sequence and --download are for a single job")
        _finish(context.obj, output, job_ids, download, after_sequence)


@app.command()
def events(
    context: typer.Context,
    *,
    start: Annotated[
        str, typer.Option("--from", metavar="CURSOR", help="Go on behind this cursor; `oldest` for all that is kept.")
    ] = "",
    label: Labels = None,
    progress: Annotated[bool, typer.Option("--progress", help="Tell the progress between changes, too.")] = False,
    machine: Machine = False,
) -> None:
    """Show the changes of all jobs of the workspace as they happen; goes on until interrupted, reconnects by itself."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        changes = client.watch_workspace(start=start, labels=parse_pairs(label, "--label"), include_progress=progress)
        for change in changes:
            if change.event is not None:
                output.event(change.event, change.cursor)


@app.command()
def cancel(context: typer.Context, *, job_id: JobId, machine: Machine = False) -> None:
    """Ask for a job to be stopped."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        output.job(client.cancel(job_id))


@app.command()
def delete(
    context: typer.Context,
    *,
    job_ids: Annotated[list[str], typer.Argument(metavar="JOB...", help="One or many jobs.", show_default=False)],
    machine: Machine = False,
) -> None:
    """Remove jobs that have ended, with their videos and all other files; they cannot be had back."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        for job_id in job_ids:
            client.delete_job(job_id)
            output.deleted("job_id", job_id)


@app.command()
def download(
    context: typer.Context,
    *,
    job_id: JobId,
    path: Annotated[
        Path | None, typer.Argument(help="Where to; by default here, under the job's id.", show_default=False)
    ] = None,
    artifact: Annotated[Artifact, typer.Option("--artifact", "-a", help="Which of its files.")] = Artifact.VIDEO,
    machine: Machine = False,
) -> None:
    """Download a file of a job; goes on where a broken download stopped."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        path = path or Path(artifact.file_name(client.get(job_id)))
        _fetch(client, output, job_id, path, artifact.artifact_name)


@app.command()
def url(
    context: typer.Context,
    *,
    job_id: JobId,
    artifact: Annotated[Artifact, typer.Option("--artifact", "-a", help="Which of its files.")] = Artifact.VIDEO,
    machine: Machine = False,
) -> None:
    """Print an address that a file of a job can be fetched from for a while."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        made = client.create_download_url(job_id, artifact=artifact.artifact_name)
        if machine:
            output.message(made)
        else:
            print(made.url)


@app.command()
def preview(
    context: typer.Context,
    *,
    job_id: JobId,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to keep the pictures; by default a temporary folder.")
    ] = None,
    show: Annotated[bool, typer.Option(help="Whether to open the pictures.")] = True,
    machine: Machine = False,
) -> None:
    """Open the poster and the contact sheet of a job."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        job = client.get(job_id)
        folder = folder or Path(tempfile.mkdtemp(prefix="render-"))
        for artifact in (Artifact.POSTER, Artifact.CONTACT_SHEET):
            path = folder / artifact.file_name(job)
            _fetch(client, output, job_id, path, artifact.artifact_name)
            if show:
                typer.launch(str(path))


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("project.json"),
) -> None:
    """Write a commented sample project to begin with."""
    try:
        with file.open("x", encoding="utf-8") as sample:
            sample.write(SAMPLE)
    except OSError as error:
        print(f"error: {file}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(REFUSED) from error
    print(f"wrote {file}; render it: render start {file} --watch --download video.mp4")


def _follow(
    config: ClientConfig, output: Output, job_ids: list[str], after_sequence: int | None = None
) -> tuple[int, list[RenderError]]:
    """Watch jobs until all have ended.

    Returns:
        The exit code for the worst end, and why jobs could not be watched.
    """
    ends: list[job_pb2.JobEvent] = []

    async def follow(client: AsyncRenderClient, display: WatchDisplay, job_id: str) -> None:
        async for event in client.watch(job_id, after_sequence=after_sequence):
            if output.machine:
                output.message(event)
            else:
                display.show(event)
            if has_ended(event):
                ends.append(event)

    async def follow_all() -> list[BaseException | None]:
        async with AsyncRenderClient.from_config(config) as client:
            with WatchDisplay(output.err) as display:
                # One job that cannot be watched does not end the watching of the others.
                watches = (follow(client, display, job_id) for job_id in dict.fromkeys(job_ids))
                return await asyncio.gather(*watches, return_exceptions=True)

    faults = []
    for outcome in asyncio.run(follow_all()):
        if isinstance(outcome, RenderError):
            faults.append(outcome)
        elif outcome is not None:
            raise outcome
    codes = {end_code(end.status) for end in ends}
    return (JOB_FAILED if JOB_FAILED in codes else max(codes, default=0)), faults


def _finish(
    connection: Connection,
    output: Output,
    job_ids: list[str],
    path: Path | None,
    after_sequence: int | None = None,
) -> None:
    """Watch jobs to their ends, download the video of a single one, and exit with the code for it all."""
    code, faults = _follow(connection.config(), output, job_ids, after_sequence)
    for fault in faults:
        code = output.fail(fault, connection.target)
    if path is not None and code == 0:
        with connection.client() as client:
            _fetch(client, output, job_ids[0], path, "video")
    raise typer.Exit(code)


def _fetch(client: RenderClient, output: Output, job_id: str, path: Path, artifact: ArtifactName) -> None:
    if output.machine:
        client.download(job_id, path, artifact=artifact)
        output.value({"job_id": job_id, "path": str(path), "size_bytes": path.stat().st_size})
        return
    show_download(
        lambda progress: client.download(job_id, path, artifact=artifact, on_progress=progress), path.name, output.err
    )
    output.say(f"saved {path}")
