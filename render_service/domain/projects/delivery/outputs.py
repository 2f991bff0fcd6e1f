"""Several videos of one project: their names, and what each of them asks for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from render_service.domain.errors import FieldFault
from render_service.domain.projects.output import OutputOptions, OutputSpec

MAX_OUTPUTS = 12
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedOutput:
    """One of several videos, as a caller asks for it; None for `burn_captions` leaves it to the project."""

    name: str = ""
    output: OutputOptions = field(default_factory=OutputOptions)
    burn_captions: bool | None = None


@dataclass(frozen=True, slots=True)
class ResolvedOutput:
    """One of several videos, its format decided."""

    name: str
    output: OutputSpec
    burn_captions: bool | None = None


def output_faults(outputs: Sequence[NamedOutput], path: str) -> Iterator[FieldFault]:
    """Find what is wrong with the number and the names of outputs, and with what only single videos can ask for.

    `domain.projects.validation.check_output` checks their options.
    """
    if len(outputs) > MAX_OUTPUTS:
        yield FieldFault(path, f"must have at most {MAX_OUTPUTS} outputs")
    places: dict[str, int] = {}
    for place, output in enumerate(outputs[:MAX_OUTPUTS]):
        at = f"{path}[{place}]"
        if not _NAME.fullmatch(output.name):
            yield FieldFault(
                f"{at}.name", "must have 1–32 characters a–z 0–9 -, the first and last of them letters or digits"
            )
        elif output.name in places:
            yield FieldFault(f"{at}.name", f"must differ from {path}[{places[output.name]}].name")
        else:
            places[output.name] = place
        if output.output.audio_languages:
            yield FieldFault(
                f"{at}.output.audio_languages",
                "must be omitted: outputs have those of the project's output",
            )
