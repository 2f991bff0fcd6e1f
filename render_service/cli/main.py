"""The command `render-service`: runs the parts of the service, migrates its database, and diagnoses faults.

Each command imports its own side of the service when it runs, so that `--help` answers at once.
"""

import asyncio
import atexit
import gc
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from render_service.cli.audit import show_audit
from render_service.cli.keys import keys
from render_service.cli.quotas import quotas
from render_service.cli.settings import command_settings, exit_with_error
from render_service.cli.speech import install_voices, say
from render_service.domain.errors import DomainError

if TYPE_CHECKING:
    from render_service.config.settings import Settings

app = typer.Typer(
    rich_markup_mode=None,
    help="Turns scripts and storyboards into finished videos, over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(keys, name="keys")
app.add_typer(quotas, name="quotas")
app.command("audit")(show_audit)
app.command("install-voices")(install_voices)
app.command("say")(say)

_DATA = Path(".render")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"render-service {version('render-service')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Turns scripts and storyboards into finished videos, over gRPC."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the video and its poster.")] = Path("out"),
    data: Annotated[Path, typer.Option(help="Folder for all data; kept between runs and shared with `dev`.")] = _DATA,
) -> None:
    """Start the whole system, render the sample project, and stop it."""
    from render_service.embedded.demo import run_demo

    raise SystemExit(run_demo(out, data))


@app.command()
def dev(
    data: Annotated[Path, typer.Option(help="Folder for all data; kept between runs.")] = _DATA,
    port: Annotated[int, typer.Option(help="Port of the gRPC server on 127.0.0.1.", min=0, max=65535)] = 50051,
    http_port: Annotated[
        int, typer.Option(help="Port of HTTP on 127.0.0.1; a free one where it is in use.", min=0, max=65535)
    ] = 8080,
    allow: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder whose files projects may name, beside the current one and RENDER_FILE_ROOTS; repeatable.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Run Postgres, Valkey, a server and a worker in the foreground. Ctrl-C stops them."""
    from render_service.embedded.dev import run_dev

    raise SystemExit(run_dev(data, port, tuple(allow or ()), http_port=http_port))


@app.command()
def serve(
    *,
    workers: Annotated[
        int | None,
        typer.Option(help="Server processes that share the port. Default: RENDER_SERVER_WORKERS.", min=1, max=64),
    ] = None,
) -> None:
    """Run the gRPC server. It waits for Postgres; SIGTERM drains it."""
    with _importing():
        settings = command_settings()
        from render_service.server.server import run_server
    count = settings.server_workers if workers is None else workers
    if count == 1:
        _run(run_server(settings))
        return
    from render_service.config.settings import ConfigurationError
    from render_service.server.processes import run_processes

    def serve_one(settings_of_one: "Settings", on_ready: Callable[[], None]) -> NoReturn:
        try:
            _run(run_server(settings_of_one, shares_port=True, on_ready=on_ready))
        except SystemExit as end:
            _end_process(end)
        _end_process(SystemExit(0))

    try:
        raise SystemExit(run_processes(settings, count, serve_one))
    except ConfigurationError as error:
        exit_with_error(str(error))


@app.command()
def work() -> None:
    """Run a worker. It waits for Postgres; SIGTERM hands running jobs over to other workers."""
    with _importing():
        settings = command_settings()
        # Dramatiq reads it on import. A larger prefetch would hold messages that an idle worker could take.
        os.environ["dramatiq_queue_prefetch"] = str(settings.worker_slots)  # noqa: SIM112 - its name is Dramatiq's
        from render_service.worker.launch import launch_worker
    _run(launch_worker(settings))


@app.command()
def migrate() -> None:
    """Migrate the database schema to the newest revision. Concurrent runs take turns."""
    settings = command_settings()
    from render_service.db.migrate import upgrade

    typer.echo(f"The schema is at revision {upgrade(settings.database_url)}.")


@app.command()
def doctor() -> None:
    """Check Postgres, Redis, storage, fonts and encoder, and suggest remedies. Exits 1 if a check fails."""
    from render_service.cli.doctor import examine

    findings = asyncio.run(examine(command_settings(log_level="error")))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.fine else 'FAIL'}  {finding.what}: {finding.found}")
        if finding.advice:
            typer.echo(f"      → {finding.advice}")
    raise SystemExit(0 if all(finding.fine for finding in findings) else 1)


@app.command()
def sweep(*, delete: Annotated[bool, typer.Option("--delete", help="Delete orphaned objects.")] = False) -> None:
    """Compare the object store with the database. Exits 1 if files are missing, or orphans were found and kept."""
    from render_service.cli.sweep import sweep_store

    sweep_store(delete=delete)


def _run(process: Coroutine[object, object, None]) -> None:
    import uvloop

    from render_service.config.settings import ConfigurationError

    try:
        uvloop.run(process)
    except ConfigurationError as error:
        exit_with_error(str(error))


def main() -> None:
    """Run the command, and end the process with its exit code."""
    try:
        try:
            app()
        except DomainError as error:
            exit_with_error(error.message)
    except SystemExit as end:
        _end_process(end)


@contextmanager
def _importing() -> Iterator[None]:
    """Collect no garbage while the block imports, nor ever examine what it made: imports make much and leave none."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _end_process(end: SystemExit) -> NoReturn:
    """End the process without finalizing the interpreter.

    The object store's native threads call back into Python. One that does so while the interpreter is finalized is
    unwound by it, which Rust answers with an abort: the command would exit with 134 instead of its own code.
    """
    if isinstance(end.code, str):
        typer.echo(end.code, err=True)
    atexit._run_exitfuncs()  # noqa: SLF001 - what finalization would do for libraries
    with suppress(BrokenPipeError):  # such as by `| head`
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
