"""The `render` command. Each command imports the client when it runs, so that `--help` answers at once."""

from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, cast

import typer

from render_client.cli import files
from render_client.cli.batches.commands import batch
from render_client.cli.brand.groups import BRAND_GROUPS
from render_client.cli.exit_codes import EXIT_CODES
from render_client.cli.ids import find_job, find_project
from render_client.cli.options import (
    Artifact,
    Status,
    parse_pairs,
    provider_options,
    speech_of,
)
from render_client.cli.preview import preview
from render_client.cli.projects import projects
from render_client.cli.session import (
    Columns,
    Connection,
    JobId,
    JobIds,
    Labels,
    Language,
    Machine,
    Model,
    OutputName,
    ProjectFile,
    SpeechProvider,
    StoredProject,
    Variables,
    Voice,
    Wide,
    output_for,
    reported_errors,
)
from render_client.cli.starting.start import start
from render_client.cli.webhooks import webhooks

if TYPE_CHECKING:
    from render_client.messages import StatusName

app = typer.Typer(
    rich_markup_mode=None,
    name="render",
    help="Render projects into videos and watch their progress.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (projects, *BRAND_GROUPS, batch, webhooks):
    app.add_typer(group)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"render {version_of('render-client')}")
        raise typer.Exit


@app.callback()
def connect(
    context: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
    target: Annotated[
        Optional[str], typer.Option(help="Address of the service, host:port or unix:PATH. (RENDER_TARGET)")
    ] = None,
    token: Annotated[
        Optional[str],
        typer.Option(help="API key. Prefer RENDER_TOKEN: other users of the machine can see options."),
    ] = None,
    workspace: Annotated[
        Optional[str], typer.Option("--workspace", "-w", help="Workspace id. (RENDER_WORKSPACE)")
    ] = None,
    tls: Annotated[
        Optional[str],
        typer.Option(help="on, off, or a PEM file of authorities. Default: on, except for loopback. (RENDER_TLS)"),
    ] = None,
    timeout: Annotated[Optional[str], typer.Option(help="Timeout of each call, in seconds. (RENDER_TIMEOUT)")] = None,
) -> None:
    """Render projects into videos and watch their progress.

    Settings come from these options, then from the environment, then from ~/.config/render/config.toml.
    """
    context.obj = Connection({"target": target, "token": token, "workspace": workspace, "tls": tls, "timeout": timeout})


app.command("start")(start)


@app.command()
def estimate(
    context: typer.Context,
    *,
    file: ProjectFile = None,
    project_id: StoredProject = None,
    provider: Annotated[Optional[str], typer.Option(help="runway, pika or custom.")] = None,
    model: Model = None,
    speech_provider: SpeechProvider = None,
    voice: Voice = None,
    language: Language = None,
    variable: Variables = None,
    machine: Machine = False,
) -> None:
    """Validate a project and estimate what its providers would charge. Starts nothing."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        if (file is None) == (project_id is None):
            raise typer.BadParameter("give exactly one of FILE and --project-id")
        output.estimate(
            client.estimate(
                context.obj.project(file) if file else None,
                project_id=find_project(client, project_id) if project_id else None,
                provider=provider,
                provider_options=provider_options(model),
                variables=parse_pairs(variable, "--var"),
                speech_provider=speech_provider,
                speech=speech_of(voice, language),
            )
        )


@app.command()
def get(context: typer.Context, *, job_id: JobId, machine: Machine = False) -> None:
    """Show a job."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.job(client.get(find_job(client, job_id)))


@app.command("list")
def list_jobs(
    context: typer.Context,
    *,
    status: Annotated[
        Optional[list[Status]], typer.Option(help="Only jobs with this status; repeat for several.")
    ] = None,
    project_id: Annotated[Optional[str], typer.Option("--project-id", help="Only jobs of this project.")] = None,
    label: Labels = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of jobs.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="With --json: also raw_results and video.check.")] = False,
    wide: Wide = False,
    columns: Columns = None,
    machine: Machine = False,
) -> None:
    """List jobs, newest first. Why a job failed is shown below it."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        statuses = [cast("StatusName", each.value.upper()) for each in status or ()]
        if project_id is not None:
            project_id = find_project(client, project_id)
        jobs = client.list(statuses=statuses, project_id=project_id, labels=parse_pairs(label, "--label"), full=full)
        output.jobs(job for _, job in zip(range(limit), jobs))


app.command("preview")(preview)


@app.command()
def voices(
    context: typer.Context,
    *,
    language: Annotated[str, typer.Option(help="Only voices that speak it, such as en or zh-Hans.")] = "",
    speech_provider: SpeechProvider = None,
    wide: Wide = False,
    columns: Columns = None,
    machine: Machine = False,
) -> None:
    """List the voices that speak narrations."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.voices(client.list_voices(language=language, speech_provider=speech_provider))


@app.command()
def watch(
    context: typer.Context,
    *,
    job_ids: JobIds,
    after_sequence: Annotated[
        Optional[int], typer.Option("--after-sequence", help="Resume after this sequence; single job only.")
    ] = None,
    download: Annotated[
        Optional[Path], typer.Option("--download", "-o", help="Download the video to this path; single job only.")
    ] = None,
    machine: Machine = False,
) -> None:
    """Show the progress of jobs until they end. Reconnects automatically; Ctrl-C does not cancel the jobs."""
    output = output_for(machine)
    with reported_errors(output, context.obj):
        if len(job_ids) > 1 and (after_sequence is not None or download is not None):
            raise typer.BadParameter("--after-sequence and --download are for a single job")
        from render_client.cli.watching import finish

        with context.obj.client() as client:
            found = [find_job(client, job_id) for job_id in job_ids]
        finish(context.obj, output, found, download, after_sequence)


@app.command()
def events(
    context: typer.Context,
    *,
    start: Annotated[
        str, typer.Option("--from", metavar="CURSOR", help="Resume after this cursor; `oldest` for all stored events.")
    ] = "",
    label: Labels = None,
    progress: Annotated[bool, typer.Option("--progress", help="Include progress between changes of state.")] = False,
    machine: Machine = False,
) -> None:
    """Stream the events of all jobs of the workspace until interrupted. Reconnects automatically."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        changes = client.watch_workspace(start=start, labels=parse_pairs(label, "--label"), include_progress=progress)
        for change in changes:
            if change.event is not None:
                output.event(change.event, change.cursor)


@app.command()
def cancel(context: typer.Context, *, job_id: JobId, machine: Machine = False) -> None:
    """Cancel a job."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.job(client.cancel(find_job(client, job_id)))


@app.command()
def delete(
    context: typer.Context,
    *,
    job_ids: JobIds,
    machine: Machine = False,
) -> None:
    """Delete jobs that have ended, with their videos and all other files. This cannot be undone."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        for job_id in job_ids:
            found = find_job(client, job_id)
            client.delete_job(found)
            output.deleted("job_id", found)


@app.command()
def download(
    context: typer.Context,
    *,
    job_id: JobId,
    path: Annotated[
        Optional[Path], typer.Argument(help="Path to save to. Default: the job id, in this folder.", show_default=False)
    ] = None,
    artifact: Annotated[Artifact, typer.Option("--artifact", "-a", help="File to fetch.")] = Artifact.VIDEO,
    of: OutputName = "",
    machine: Machine = False,
) -> None:
    """Download a file of a job, or the folder of its stream. Resumes an interrupted download."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.cli.watching import fetch

        job_id = find_job(client, job_id)
        path = path or Path(artifact.file_name(client.get(job_id), of))
        fetch(client, output, job_id, path, artifact.artifact_name, of=of)


@app.command()
def url(
    context: typer.Context,
    *,
    job_id: JobId,
    artifact: Annotated[Artifact, typer.Option("--artifact", "-a", help="File to fetch.")] = Artifact.VIDEO,
    of: OutputName = "",
    machine: Machine = False,
) -> None:
    """Print a pre-signed URL of a file of a job. It expires."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        made = client.create_download_url(find_job(client, job_id), artifact=artifact.artifact_name, output=of)
        if machine:
            output.message(made)
        else:
            print(made.url)


@app.command()
def doctor(context: typer.Context, *, machine: Machine = False) -> None:
    """Show versions and settings, and check that the service accepts them."""
    output = output_for(machine)
    with reported_errors(output, context.obj):
        from render_client.cli.doctor import examine

        examine(context.obj, output)


files.add_to(app)
