"""The commands `render batch …`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, cast

import typer

from render_client.cli.ids import find_batch, find_project
from render_client.cli.options import Quality, Status, output_options, parse_pairs, provider_options, speech_of
from render_client.cli.session import (
    Columns,
    Connection,
    Labels,
    Language,
    Machine,
    Model,
    Priority,
    ProjectFile,
    RequestId,
    SpeechProvider,
    StoredProject,
    Variables,
    Voice,
    Wide,
    output_for,
    reported_errors,
)

if TYPE_CHECKING:
    from render_client.cli.output import Output
    from render_client.messages import StatusName

batch = typer.Typer(
    rich_markup_mode=None, name="batch", help="Render a template with many rows of variables.", no_args_is_help=True
)

BatchId = Annotated[
    str, typer.Argument(metavar="BATCH", help="Id of the batch, or its first 8 characters.", show_default=False)
]


@batch.command()
def start(
    context: typer.Context,
    *,
    file: ProjectFile = None,
    project_id: StoredProject = None,
    rows: Annotated[
        Optional[Path],
        typer.Option("--rows", metavar="FILE", help="Rows: .csv with a header, or .jsonl with an object a line."),
    ] = None,
    rows_uri: Annotated[
        Optional[str], typer.Option("--rows-uri", metavar="URL", help="Rows as .jsonl that the service fetches.")
    ] = None,
    max_running: Annotated[
        int, typer.Option("--max-running", min=0, help="Jobs at a time. Default: any number.", show_default=False)
    ] = 0,
    provider: Annotated[Optional[str], typer.Option(help="local, runway, pika, custom or mock.")] = None,
    model: Model = None,
    speech_provider: SpeechProvider = None,
    voice: Voice = None,
    language: Language = None,
    quality: Annotated[Optional[Quality], typer.Option(help="Quality preset.")] = None,
    variable: Variables = None,
    label: Labels = None,
    priority: Priority = 0,
    request_id: RequestId = None,
    webhook: Annotated[Optional[str], typer.Option(metavar="URL", help="URL to notify when a job ends.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check all rows, and estimate what providers would charge.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Wait and show the progress.")] = False,
    machine: Machine = False,
) -> None:
    """Render a template with every row of a file. All rows are checked before any is started."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.cli.batches.rows import read_rows
        from render_client.errors import InvalidRequestError

        if (file is None) == (project_id is None):
            raise typer.BadParameter("give exactly one of FILE and --project-id")
        if (rows is None) == (rows_uri is None):
            raise typer.BadParameter("give exactly one of --rows and --rows-uri")
        table = read_rows(rows) if rows is not None else None
        try:
            started = client.start_batch(
                table.rows if table is not None else (),
                rows_uri=rows_uri,
                project=context.obj.project(file) if file else None,
                project_id=find_project(client, project_id) if project_id else None,
                max_running=max_running,
                provider=provider,
                output=output_options(None, 0, quality, None),
                request_id=request_id,
                labels=parse_pairs(label, "--label"),
                provider_options=provider_options(model),
                priority=priority,
                variables=parse_pairs(variable, "--var"),
                webhook_url=webhook,
                speech_provider=speech_provider,
                speech=speech_of(voice, language),
                dry_run=dry_run,
            )
        except InvalidRequestError as error:
            if table is not None:
                table.locate(error)
            raise
        cost = " + ".join(f"{each.amount} {each.unit}" for each in started.cost)
        if dry_run:
            if machine:
                output.message(started)
            else:
                output.say(f"all rows are valid; estimated cost: {cost or 'none'}")
            return
        if not watch:
            if machine:
                output.message(started.batch)
            else:
                print(started.batch.batch_id)
            output.say(f"{started.batch.rows} rows; watch them: render batch watch {started.batch.batch_id}")
            return
        output.say(f"batch {started.batch.batch_id}, {started.batch.rows} rows")
    _watch(context.obj, output, started.batch.batch_id)


@batch.command()
def get(context: typer.Context, *, batch_id: BatchId, machine: Machine = False) -> None:
    """Show a batch: how many rows are in each state."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.cli.batches.display import print_batches

        print_batches(output, [client.get_batch(find_batch(client, batch_id))])


@batch.command("list")
def list_batches(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of batches.")] = 20,
    machine: Machine = False,
) -> None:
    """List batches, newest first."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.cli.batches.display import print_batches

        print_batches(output, (found for _, found in zip(range(limit), client.list_batches())))


@batch.command()
def jobs(
    context: typer.Context,
    *,
    batch_id: BatchId,
    status: Annotated[
        Optional[list[Status]], typer.Option(help="Only jobs with this status; repeat for several.")
    ] = None,
    wide: Wide = False,
    columns: Columns = None,
    machine: Machine = False,
) -> None:
    """List the jobs of a batch, the last rows first. Why a job failed is shown below it."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        statuses = [cast("StatusName", each.value.upper()) for each in status or ()]
        output.jobs(client.list_batch_jobs(find_batch(client, batch_id), statuses=statuses))


@batch.command()
def watch(context: typer.Context, *, batch_id: BatchId, machine: Machine = False) -> None:
    """Show the progress of a batch until it has ended. Ctrl-C does not cancel it."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        found = find_batch(client, batch_id)
    _watch(context.obj, output, found)


@batch.command()
def download(
    context: typer.Context,
    *,
    batch_id: BatchId,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to save the videos in.", show_default=False)],
    machine: Machine = False,
) -> None:
    """Download the videos of a batch. Files that are there already are not downloaded again."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.cli.batches.downloads import download_videos

        download_videos(client, output, find_batch(client, batch_id), folder)


@batch.command()
def cancel(context: typer.Context, *, batch_id: BatchId, machine: Machine = False) -> None:
    """Cancel all that has not ended of a batch."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.cli.batches.display import print_batches

        print_batches(output, [client.cancel_batch(find_batch(client, batch_id))])


@batch.command()
def retry(
    context: typer.Context,
    *,
    batch_id: BatchId,
    include_cancelled: Annotated[
        bool, typer.Option("--include-cancelled", help="Also the rows that were cancelled.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Wait and show the progress.")] = False,
    machine: Machine = False,
) -> None:
    """Render the rows that failed again."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        found = find_batch(client, batch_id)
        answer = client.retry_batch(found, include_cancelled=include_cancelled)
        if machine and not watch:
            output.message(answer)
        output.say(f"{answer.retried} rows are rendered again" if answer.retried else "no row to retry")
    if watch:
        _watch(context.obj, output, found)


def _watch(connection: Connection, output: "Output", batch_id: str) -> None:
    """Watch a batch until it has ended, and exit with the code of its end."""
    with reported_errors(output, connection), connection.client() as client:
        from render_client.cli.batches.display import BatchDisplay, exit_code

        code = 0
        try:
            with BatchDisplay(output) as display:
                for change in client.watch_batch(batch_id):
                    display.show(change)
                    if change.batch is not None:
                        code = exit_code(change.batch)
        except KeyboardInterrupt:
            output.say(f"to go on:     render batch watch {batch_id}\nto cancel:    render batch cancel {batch_id}")
            raise
    raise typer.Exit(code)
