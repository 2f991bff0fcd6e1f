"""What every command of `render` needs: a connection made at its first use, and one way of saying what went wrong."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer

from render_client.cli_output import INTERRUPTED, Output
from render_client.config import ClientConfig, ConfigurationError
from render_client.errors import RenderError
from render_client.projects_file import ProjectFileError
from render_client.sync import RenderClient

Machine = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line; errors too, on standard error.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", show_default=False)]
Labels = Annotated[
    list[str] | None, typer.Option("--label", "-l", metavar="NAME=VALUE", help="A label; may be given again.")
]

Model = Annotated[str | None, typer.Option(help="Model of the provider; left out, its default.", show_default=False)]
Variables = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Value for {{NAME}} in the project; may be given again."),
]


class Connection:
    """What the options before the command say; the client is made when a command first needs it."""

    def __init__(self, flags: dict[str, str | None]) -> None:
        self._flags = flags
        self.target = ""

    def config(self) -> ClientConfig:
        """Gather the settings."""
        config = ClientConfig.load(self._flags)
        self.target = config.target
        return config

    @contextlib.contextmanager
    def client(self) -> Iterator[RenderClient]:
        """Connect."""
        with RenderClient.from_config(self.config()) as client:
            yield client


@contextlib.contextmanager
def speaking(output: Output, connection: Connection) -> Iterator[None]:
    """Turn what goes wrong into one clear line and an exit code."""
    try:
        yield
    except (RenderError, ConfigurationError, ProjectFileError, typer.BadParameter, OSError) as error:
        # OSError: files that cannot be written; what goes wrong with the network arrives as RenderError.
        raise typer.Exit(output.fail(error, connection.target)) from error
    except KeyboardInterrupt:
        output.say("interrupted; a job that was started goes on")
        raise typer.Exit(INTERRUPTED) from None
