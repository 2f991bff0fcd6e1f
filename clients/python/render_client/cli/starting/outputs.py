"""The option `--output` of `render start`: several videos of one project."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from render_client.cli.options import AspectRatio, Codec, FileFormat, Loudness, Quality, output_options

if TYPE_CHECKING:
    from render_client.v1 import output_pb2

Outputs = Annotated[
    Optional[list[str]],
    typer.Option(
        "--output",
        metavar="NAME=OPTIONS",
        help="One of several videos: its name, and what differs from the other options, such as tall=9:16,hevc or"
        " small=640x360,webm,draft,25fps,no-captions. Repeat for each.",
    ),
]
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_FPS = re.compile(r"(\d{1,3})fps")
_CAPTIONS = {"captions": True, "no-captions": False}


def parse_outputs(given: Optional[Sequence[str]], shared: "output_pb2.OutputOptions") -> "list[output_pb2.NamedOutput]":
    """Return the outputs that a repeated option describes.

    Args:
        given: The values of the option.
        shared: What an output has unless it says otherwise.

    Raises:
        typer.BadParameter: An output has no name or one of another output, or an option is unknown or given twice.
    """
    found: list[output_pb2.NamedOutput] = []
    for value in given or ():
        output = _parse(value, shared)
        if any(output.name == other.name for other in found):
            raise typer.BadParameter(f"--output {output.name}: repeated; give each name once")
        found.append(output)
    return found


def _parse(value: str, shared: "output_pb2.OutputOptions") -> "output_pb2.NamedOutput":
    from render_client.v1 import output_pb2

    name, _, options = value.partition("=")
    if not name or ":" in name or "," in name:
        raise typer.BadParameter(f"--output {value}: must have the form NAME=OPTIONS, such as tall=9:16,hevc")
    output = output_pb2.NamedOutput(name=name, output=shared)
    chosen: dict[str, object] = {}
    for option in filter(None, options.split(",")):
        kind, parsed = _option(name, option)
        if kind in chosen:
            raise typer.BadParameter(f"--output {name}: {option} is given beside {chosen[kind]}; choose one")
        chosen[kind] = option
        if kind == "captions":
            output.burn_captions = bool(parsed)
        else:
            assert isinstance(parsed, output_pb2.OutputOptions)
            output.output.MergeFrom(parsed)
    return output


def _option(name: str, text: str) -> "tuple[str, output_pb2.OutputOptions | bool]":
    """Return what an option is about, and what it asks for."""
    from render_client.v1 import output_pb2

    if text in _CAPTIONS:
        return "captions", _CAPTIONS[text]
    if size := _SIZE.fullmatch(text):
        frame = output_pb2.FrameSize(width=int(size.group(1)), height=int(size.group(2)))
        return "frame", output_pb2.OutputOptions(size=frame)
    if fps := _FPS.fullmatch(text):
        return "fps", output_pb2.OutputOptions(fps=int(fps.group(1)))
    for about, (values, options) in _CHOICES.items():
        if text in values:
            return about, options(text)
    known = [value for values, _ in _CHOICES.values() for value in values]
    raise typer.BadParameter(
        f"--output {name}: unknown option {text}; use WIDTHxHEIGHT, 25fps, {', '.join([*known, *_CAPTIONS])}"
    )


def _values(choice: "type[Enum]") -> list[str]:
    return [str(member.value) for member in choice]


_CHOICES: "dict[str, tuple[list[str], Callable[[str], output_pb2.OutputOptions]]]" = {
    "frame": (_values(AspectRatio), lambda text: output_options(AspectRatio(text), 0, None, None)),
    "quality": (_values(Quality), lambda text: output_options(None, 0, Quality(text), None)),
    "format": (_values(FileFormat), lambda text: output_options(None, 0, None, FileFormat(text))),
    "codec": (_values(Codec), lambda text: output_options(None, 0, None, None, codec=Codec(text))),
    "loudness": (_values(Loudness), lambda text: output_options(None, 0, None, None, loudness=Loudness(text))),
}
