"""The command `render-service`: run the parts of the service, look after its database, find out what is wrong."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from render_service.cli.audit import show_audit
from render_service.cli.keys import keys
from render_service.cli.quotas import quotas
from render_service.cli.settings import command_settings, end_command
from render_service.config.settings import ConfigurationError
from render_service.domain.errors import DomainError

app = typer.Typer(
    help="Turns scripts and storyboards into finished videos, over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(keys, name="keys")
app.add_typer(quotas, name="quotas")
app.command("audit")(show_audit)

_DATA = Path(".render")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the video and its poster.")] = Path("out"),
    data: Annotated[Path, typer.Option(help="Folder for all data; kept between runs, shared with `dev`.")] = _DATA,
) -> None:
    """Render the sample project through the whole system, started for the purpose, and stop it again."""
    from render_service.embedded.demo import run_demo

    raise SystemExit(run_demo(out, data))


@app.command()
def dev(
    data: Annotated[Path, typer.Option(help="Folder for all data; kept between runs.")] = _DATA,
    port: Annotated[int, typer.Option(help="Port of the gRPC server on 127.0.0.1.", min=0, max=65535)] = 50051,
) -> None:
    """Keep the whole system running in the foreground: Postgres, Valkey, one server, one worker. Ctrl-C stops it."""
    from render_service.embedded.dev import run_dev

    raise SystemExit(run_dev(data, port))


@app.command()
def serve() -> None:
    """Run the gRPC server. Waits for Postgres and Redis if need be; SIGTERM lets callers go politely."""
    settings = command_settings()
    from render_service.server.server import run_server

    _run(run_server(settings))


@app.command()
def work() -> None:
    """Run a worker. Waits for Postgres and Redis if need be; SIGTERM hands running jobs over to other workers."""
    settings = command_settings()
    # Dramatiq reads it when imported. More would hoard messages that an idle worker could take.
    os.environ["dramatiq_queue_prefetch"] = str(settings.worker_slots)  # noqa: SIM112 - its name is Dramatiq's
    from render_service.worker.worker import run_worker

    _run(run_worker(settings))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date. Several at once take turns."""
    settings = command_settings()
    from render_service.db.migrate import upgrade

    typer.echo(f"The schema is at revision {upgrade(settings.database_url)}.")


@app.command()
def doctor() -> None:
    """Check Postgres, Redis, storage, fonts and encoder; say what is wrong and what to do. Exits 1 if anything is."""
    from render_service.cli.doctor import examine

    findings = asyncio.run(examine(command_settings(log_level="error")))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.fine else 'FAIL'}  {finding.what}: {finding.found}")
        if finding.advice:
            typer.echo(f"      → {finding.advice}")
    raise SystemExit(0 if all(finding.fine for finding in findings) else 1)


@app.command()
def sweep(*, delete: Annotated[bool, typer.Option("--delete", help="Remove what nothing leads to.")] = False) -> None:
    """Compare the object store with the database. Exits 1 where files are missing, or orphans were found and left."""
    from render_service.cli.sweep import sweep_store

    sweep_store(command_settings(log_level="error"), delete=delete)


def _run(process: Coroutine[object, object, None]) -> None:
    try:
        uvloop.run(process)
    except ConfigurationError as error:
        end_command(str(error))


def main() -> None:
    """Run the command."""
    try:
        app()
    except DomainError as error:
        end_command(error.message)
