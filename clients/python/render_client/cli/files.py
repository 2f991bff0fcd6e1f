"""The commands for project files: `render init`, `check`, `fmt` and `schema`."""

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from render_client.cli.exit_codes import JOB_FAILED, REFUSED
from render_client.cli.options import parse_pairs
from render_client.cli.session import Connection, Machine, Variables, output_for, reported_errors

if TYPE_CHECKING:
    from render_client.cli.output import Output

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Project files, JSON or YAML.", show_default=False)
]


class Template(str, Enum):
    """Templates of `render init`."""

    NEWS = "news"
    PRODUCT = "product"
    COURSE = "course"
    QUOTE = "quote"
    RECIPE = "recipe"
    SLIDESHOW = "slideshow"


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to create: .yaml or .json.")] = Path(
        "project.yaml"
    ),
    *,
    template: Annotated[
        Optional[Template],
        typer.Option("--template", "-t", help="What the project is to show. Default: a sample that explains fields."),
    ] = None,
) -> None:
    """Create a project with comments. It can be rendered as it is."""
    from render_client.projects_file.templates import template_text
    from render_client.projects_file.yaml_reader import YamlNotInstalled

    try:
        text = template_text(template.value if template else "sample", file)
    except YamlNotInstalled as error:  # a template is converted from YAML to JSON
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(REFUSED) from error
    try:
        with file.open("x", encoding="utf-8") as created:
            created.write(text)
    except OSError as error:
        print(f"error: {file}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(REFUSED) from error
    print(f"wrote {file}; render it: render start {file} --watch --download video.mp4")


def check(
    context: typer.Context,
    *,
    files: Files,
    service: Annotated[
        bool, typer.Option("--service", help="Also let the service check them: limits, URLs, variables.")
    ] = False,
    variable: Variables = None,
    machine: Machine = False,
) -> None:
    """Check project files, and report all faults with line and column. Starts nothing."""
    output = output_for(machine)
    with reported_errors(output, context.obj):
        variables = parse_pairs(variable, "--var")
        codes = [_check(context.obj, output, file, variables if service else None) for file in files]
        raise typer.Exit(max(codes))


def _check(connection: Connection, output: "Output", file: Path, variables: Optional[dict[str, str]]) -> int:
    """Check a file, also by the service if variables are given; return the exit code."""
    from render_client.errors import InvalidRequestError
    from render_client.projects_file import ProjectFileError

    try:
        project = connection.project(file)
        if variables is not None:
            with connection.client() as client:
                client.estimate(project, variables=variables)
    except (ProjectFileError, InvalidRequestError) as error:
        return output.fail(error, connection.target, connection.document)
    shots = len(project.storyboard.shots)
    if output.machine:
        output.value({"file": str(file), "valid": True, "shots": shots})
    else:
        print(f"{file}: valid, {shots} shot{'' if shots == 1 else 's'}")
    return 0


def format_files(
    context: typer.Context,
    *,
    files: Files,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if a file is not formatted.")] = False,
) -> None:
    """Format project files. Comments are kept."""
    output = output_for(False)
    with reported_errors(output, context.obj):
        from render_client.projects_file import ProjectFileError
        from render_client.projects_file.formatting import format_project

        codes = [0]
        for file in files:
            try:
                text = format_project(file)
            except ProjectFileError as error:
                codes.append(output.fail(error, ""))
                continue
            if file.read_text(encoding="utf-8") == text:
                continue
            if check:
                codes.append(JOB_FAILED)
            else:
                with file.open("w", encoding="utf-8", newline="\n") as formatted:
                    formatted.write(text)
            print(f"{'not formatted' if check else 'formatted'}: {file}")
        raise typer.Exit(max(codes))


def schema(
    file: Annotated[
        Optional[Path],
        typer.Argument(metavar="FILE", help="File to write. Default: standard output.", show_default=False),
    ] = None,
) -> None:
    """Write the JSON Schema of project files, for completion and descriptions in editors."""
    from render_client.projects_file.schema import SCHEMA

    text = SCHEMA.read_text(encoding="utf-8")
    if file is None:
        print(text, end="")
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"error: {file}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(REFUSED) from error
    print(f"wrote {file}")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(check)
    app.command("fmt")(format_files)
    app.command()(schema)
