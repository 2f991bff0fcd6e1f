"""The commands `render kits …`."""

from pathlib import Path
from typing import Annotated

import typer

from render_client.cli.session import Columns, Machine, Wide, output_for, reported_errors

kits = typer.Typer(rich_markup_mode=None, name="kits", help="Manage brand kits.", no_args_is_help=True)

KitName = Annotated[str, typer.Argument(metavar="KIT", help="Name of the brand kit.", show_default=False)]
KitFile = Annotated[Path, typer.Argument(metavar="FILE", help="Brand kit, JSON or YAML.", show_default=False)]


@kits.command()
def create(context: typer.Context, *, file: KitFile, machine: Machine = False) -> None:
    """Store a brand kit, which projects name as brand_kit."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.projects_file import load_brand_kit

        output.kits([client.create_brand_kit(load_brand_kit(file))])


@kits.command()
def get(context: typer.Context, *, name: KitName) -> None:
    """Print a brand kit as a file."""
    output = output_for(False)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.file(client.get_brand_kit(name))


@kits.command()
def update(context: typer.Context, *, file: KitFile, machine: Machine = False) -> None:
    """Replace a brand kit. If FILE has an etag, fails if the kit has changed since. Jobs already started keep it."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        from render_client.projects_file import load_brand_kit

        output.kits([client.update_brand_kit(load_brand_kit(file))])


@kits.command("list")
def list_kits(context: typer.Context, *, wide: Wide = False, columns: Columns = None, machine: Machine = False) -> None:
    """List the brand kits of the workspace."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.kits(client.list_brand_kits())


@kits.command()
def delete(context: typer.Context, *, name: KitName, machine: Machine = False) -> None:
    """Delete a brand kit. Projects that name it cannot be rendered until there is one of that name again."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        client.delete_brand_kit(name)
        output.deleted("name", name)
