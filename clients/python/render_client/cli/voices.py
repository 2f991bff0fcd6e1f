"""The command `render voices`."""

from typing import Annotated

import typer

from render_client.cli.session import Columns, Machine, SpeechProvider, Wide, output_for, reported_errors


def list_voices(
    context: typer.Context,
    *,
    language: Annotated[str, typer.Option(help="Only voices that speak it, such as en or zh-Hans.")] = "",
    speech_provider: SpeechProvider = None,
    wide: Wide = False,
    columns: Columns = None,
    machine: Machine = False,
) -> None:
    """List the voices that speak narrations."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.voices(client.list_voices(language=language, speech_provider=speech_provider))
