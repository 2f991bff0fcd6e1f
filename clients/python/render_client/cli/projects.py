"""The commands `render projects …`."""

from pathlib import Path
from typing import Annotated

import typer

from render_client.cli.ids import find_project
from render_client.cli.session import Columns, Machine, Wide, output_for, reported_errors

projects = typer.Typer(rich_markup_mode=None, name="projects", help="Manage stored projects.", no_args_is_help=True)

ProjectId = Annotated[
    str, typer.Argument(metavar="PROJECT", help="Id of the project, or its beginning.", show_default=False)
]
ProjectFile = Annotated[Path, typer.Argument(metavar="FILE", help="Project file, JSON or YAML.", show_default=False)]


@projects.command()
def create(context: typer.Context, *, file: ProjectFile, machine: Machine = False) -> None:
    """Store a project and print its id."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        project = client.create_project(context.obj.project(file))
        if machine:
            output.message(project)
        else:
            print(project.project_id)


@projects.command()
def get(context: typer.Context, *, project_id: ProjectId) -> None:
    """Print a project as a project file."""
    output = output_for(False)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.file(client.get_project(find_project(client, project_id)))


@projects.command()
def update(context: typer.Context, *, project_id: ProjectId, file: ProjectFile, machine: Machine = False) -> None:
    """Replace a project. If FILE has an etag, fails if the project has changed since."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        project = context.obj.project(file)
        project.project_id = find_project(client, project_id)
        output.projects([client.update_project(project)])


@projects.command("list")
def list_projects(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of projects.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="With --json: also the storyboards.")] = False,
    wide: Wide = False,
    columns: Columns = None,
    machine: Machine = False,
) -> None:
    """List projects, newest first."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.projects(project for _, project in zip(range(limit), client.list_projects(full=full)))


@projects.command()
def delete(
    context: typer.Context,
    *,
    project_id: ProjectId,
    with_jobs: Annotated[bool, typer.Option("--with-jobs", help="Also delete its jobs and all their files.")] = False,
    machine: Machine = False,
) -> None:
    """Delete a project. Its jobs and videos are kept, unless --with-jobs is given. This cannot be undone."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        project_id = find_project(client, project_id)
        client.delete_project(project_id, delete_jobs=with_jobs)
        output.deleted("project_id", project_id)
