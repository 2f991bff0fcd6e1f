"""What every command of `render` needs: a connection made on first use, and one way to report errors.

The client is imported inside the functions: `render --help` must not load gRPC.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from render_client.cli.exit_codes import INTERRUPTED, READER_GONE
from render_client.cli.interruptions import repeated_interrupts
from render_client.cli.options import Sidecar

if TYPE_CHECKING:
    from render_client.cli.output import Output
    from render_client.config import ClientConfig
    from render_client.projects_file import ProjectDocument
    from render_client.sync import RenderClient
    from render_client.v1 import project_pb2

Machine = Annotated[bool, typer.Option("--json", help="Print one JSON object a line; errors too, on standard error.")]
JobId = Annotated[
    str, typer.Argument(metavar="JOB", help="Id of the job, or its first 8 characters.", show_default=False)
]
JobIds = Annotated[
    list[str],
    typer.Argument(metavar="JOB...", help="Ids of one or more jobs, or their first 8 characters.", show_default=False),
]
Priority = Annotated[
    int, typer.Option(help="Priority within the workspace, −100 to 100; the highest runs first.", show_default=False)
]
RequestId = Annotated[
    Optional[str], typer.Option("--request-id", help="Idempotency key, a UUID: the same one never starts a second job.")
]
OutputName = Annotated[
    str,
    typer.Option(
        "--output", metavar="NAME", help="Output of a job with several. Default: the first.", show_default=False
    ),
]
Wide = Annotated[bool, typer.Option("--wide", help="Show all columns, and shorten nothing.")]
Columns = Annotated[
    Optional[str],
    typer.Option("--columns", metavar="NAMES", help="Columns to show, in order: a,b,c.", show_default=False),
]
Labels = Annotated[
    Optional[list[str]], typer.Option("--label", "-l", metavar="NAME=VALUE", help="Label; repeat for several.")
]

ProjectFile = Annotated[
    Optional[Path],
    typer.Argument(metavar="FILE", help="Project file, JSON or YAML.", show_default=False),
]
StoredProject = Annotated[Optional[str], typer.Option("--project-id", help="Id of a stored project, instead of FILE.")]
Model = Annotated[
    Optional[str], typer.Option(help="Model of the provider. Default: the provider's.", show_default=False)
]
SpeechProvider = Annotated[
    Optional[str],
    typer.Option(
        help="Who speaks narrations: local, elevenlabs, openai_compatible or custom. Default: the service's.",
        show_default=False,
    ),
]
Voice = Annotated[Optional[str], typer.Option(help="Voice that speaks instead of the project's.")]
Language = Annotated[Optional[str], typer.Option(help="Language that is spoken, from the shots' translations.")]
Stems = Annotated[
    Optional[bool], typer.Option("--stems/--no-stems", help="Also store mix, narration, music and effects as FLAC.")
]
Sidecars = Annotated[
    Optional[list[Sidecar]], typer.Option("--sidecar", help="File to make beside the video; can be repeated.")
]
PosterTime = Annotated[
    Optional[float],
    typer.Option(
        metavar="SECONDS", min=0, max=100_000, help="Time of the video that the poster shows.", show_default=False
    ),
]
Variables = Annotated[
    Optional[list[str]],
    typer.Option("--var", metavar="NAME=VALUE", help="Value of {{NAME}} in the project; repeat for several."),
]


class Connection:
    """The options before the command. The client is created when a command first needs it."""

    def __init__(self, flags: dict[str, Optional[str]]) -> None:
        self._flags = flags
        self.target = ""
        self.document: Optional[ProjectDocument] = None
        """The project file that the command sends."""
        self.watched: list[str] = []
        """Ids of the jobs that the command waits for."""

    def config(self) -> "ClientConfig":
        """Return the settings from options, environment and file."""
        from render_client.config import ClientConfig

        config = ClientConfig.load(self._flags)
        self.target = config.target
        return config

    def project(self, file: Path) -> "project_pb2.Project":
        """Read the project file that the command sends.

        Raises:
            ProjectFileError: If it is invalid.
        """
        from render_client.projects_file import load_document

        self.document = load_document(file)
        return self.document.project

    @contextlib.contextmanager
    def client(self) -> "Iterator[RenderClient]":
        """Connect."""
        from render_client.sync import RenderClient

        with RenderClient.from_config(self.config()) as client:
            yield client


def output_for(machine: bool, *, wide: bool = False, columns: Optional[str] = None) -> "Output":
    """Return what prints a command's results: tables and sentences, or JSON."""
    from render_client.cli.output import Output

    return Output(machine, wide=wide, columns=columns)


@contextlib.contextmanager
def reported_errors(output: "Output", connection: Connection) -> Iterator[None]:
    """Report an error of the block, and exit with its code."""
    from render_client.config import ConfigurationError
    from render_client.errors import RenderError
    from render_client.projects_file import ProjectFileError

    try:
        with repeated_interrupts():
            yield
    except BrokenPipeError:
        # The reader of the output has what it wants, such as `head`. Nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(READER_GONE) from None
    except (RenderError, ConfigurationError, ProjectFileError, typer.BadParameter, OSError) as error:
        # OSError: a file that cannot be written. Network errors arrive as RenderError.
        raise typer.Exit(output.fail(error, connection.target, connection.document)) from error
    except KeyboardInterrupt:
        output.say(_how_to_go_on(connection.watched))
        raise typer.Exit(INTERRUPTED) from None


def _how_to_go_on(job_ids: list[str]) -> str:
    if not job_ids:
        return "interrupted"
    ids = " ".join(job_ids)
    continues = f"job {ids} continues" if len(job_ids) == 1 else "the jobs continue"
    stop = "".join(f"\nto cancel:    render cancel {job_id}" for job_id in job_ids)
    return f"interrupted; {continues}\nto go on:     render watch {ids}{stop}"
