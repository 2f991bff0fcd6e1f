"""`render projects`: keeps projects in the service."""

from pathlib import Path
from typing import Annotated

import typer

from render_client.cli_output import Output
from render_client.cli_session import Machine, speaking
from render_client.projects_file import load_project

projects = typer.Typer(name="projects", help="Keep projects in the service.", no_args_is_help=True)

ProjectId = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.", show_default=False)]
ProjectFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="Project file: JSON form of render.v1.Project.", show_default=False)
]


@projects.command()
def create(context: typer.Context, *, file: ProjectFile, machine: Machine = False) -> None:
    """Store a project; prints its id."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        project = client.create_project(load_project(file))
        if machine:
            output.message(project)
        else:
            print(project.project_id)


@projects.command()
def get(context: typer.Context, *, project_id: ProjectId) -> None:
    """Print a project as a project file."""
    output = Output(False)
    with speaking(output, context.obj), context.obj.client() as client:
        output.file(client.get_project(project_id))


@projects.command()
def update(context: typer.Context, *, project_id: ProjectId, file: ProjectFile, machine: Machine = False) -> None:
    """Replace the content of a project; where FILE has an etag, only if nobody else has changed it since."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        project = load_project(file)
        project.project_id = project_id
        output.projects([client.update_project(project)])


@projects.command("list")
def list_projects(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    machine: Machine = False,
) -> None:
    """List projects, newest first."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        output.projects(project for _, project in zip(range(limit), client.list_projects(), strict=False))


@projects.command()
def delete(
    context: typer.Context,
    *,
    project_id: ProjectId,
    with_jobs: Annotated[bool, typer.Option("--with-jobs", help="With its jobs, their videos and all files.")] = False,
    machine: Machine = False,
) -> None:
    """Remove a project; its jobs and videos stay unless said otherwise."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        client.delete_project(project_id, delete_jobs=with_jobs)
        output.deleted("project_id", project_id)
