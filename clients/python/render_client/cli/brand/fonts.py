"""The commands `render fonts …`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from render_client.cli.session import Columns, Machine, Wide, output_for, reported_errors

if TYPE_CHECKING:
    from render_client.cli.output import Output
    from render_client.v1 import brand_service_pb2

fonts = typer.Typer(rich_markup_mode=None, name="fonts", help="Manage uploaded fonts.", no_args_is_help=True)

FontFiles = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", help="Fonts, TTF or OTF.", exists=True, dir_okay=False, show_default=False),
]


@fonts.command()
def upload(
    context: typer.Context,
    *,
    files: FontFiles,
    family: Annotated[
        str, typer.Option("--family", metavar="NAME", help="Name of their family; default: the name in each file.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace fonts of the family with the same weight and slant.")
    ] = False,
    machine: Machine = False,
) -> None:
    """Upload fonts, such as the weights of a family. Texts name them as workspace:NAME."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        for file in files:
            if not machine and len(files) > 1:
                output.say(str(file))
            _print_fonts(output, [client.upload_font(file.read_bytes(), family=family, replace=replace)])


@fonts.command("list")
def list_fonts(
    context: typer.Context, *, wide: Wide = False, columns: Columns = None, machine: Machine = False
) -> None:
    """List the fonts that texts can name: those of the service, then the uploaded ones."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        _print_fonts(output, client.list_fonts())


@fonts.command()
def delete(
    context: typer.Context,
    *,
    font_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the font.", show_default=False)],
    machine: Machine = False,
) -> None:
    """Delete an uploaded font. Jobs already started keep it."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        client.delete_font(font_id)
        output.deleted("font_id", font_id)


def _print_fonts(output: "Output", fonts: "Iterable[brand_service_pb2.Font]") -> None:
    """Print fonts as a table, or one line of JSON each."""
    from render_client.cli.tables import Column

    columns: list[Column[brand_service_pb2.Font]] = [
        Column("font", lambda font: font.name),
        Column("weight", _weights),
        Column("style", lambda font: "italic" if font.italic else ""),
        Column("scripts", lambda font: ", ".join(font.scripts), is_text=True),
        Column("characters", lambda font: str(font.characters), is_extra=True),
        Column("bytes", lambda font: str(font.size_bytes or ""), is_extra=True),
        Column("id", lambda font: font.font_id, is_id=True),
    ]
    output.table(fonts, "no fonts", columns)


def _weights(font: "brand_service_pb2.Font") -> str:
    return f"{font.min_weight}" if font.min_weight == font.max_weight else f"{font.min_weight}-{font.max_weight}"
