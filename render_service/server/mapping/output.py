"""Reads `render.v1.OutputOptions`."""

from collections.abc import Sequence

from render_client.v1 import output_pb2

from render_service.domain.faults import Faults
from render_service.domain.projects.delivery.outputs import MAX_OUTPUTS, NamedOutput, output_faults
from render_service.domain.projects.output import OutputOptions
from render_service.domain.projects.validation import check_output
from render_service.server.mapping.records import Record

_OUTPUT = Record(OutputOptions, output_pb2.OutputOptions.DESCRIPTOR)
_NAMED = Record(NamedOutput, output_pb2.NamedOutput.DESCRIPTOR)


def output_from_proto(message: output_pb2.OutputOptions, path: str, faults: Faults) -> OutputOptions:
    """Return output options.

    Args:
        message: The message.
        path: Its path in the request, for faults.
        faults: Collects invalid fields.
    """
    return _OUTPUT.read(message, path, faults)


def outputs_from_proto(
    messages: Sequence[output_pb2.NamedOutput], path: str, faults: Faults
) -> tuple[NamedOutput, ...]:
    """Return several outputs; every rule that concerns them alone is checked.

    Args:
        messages: The messages; of more than the rules allow, one too many is read.
        path: Their path in the request, for faults.
        faults: Collects invalid fields.
    """
    outputs = tuple(
        _NAMED.read(message, f"{path}[{place}]", faults) for place, message in enumerate(messages[: MAX_OUTPUTS + 1])
    )
    faults.add_all(output_faults(outputs, path))
    for place, named in enumerate(outputs):
        faults.add_all(check_output(named.output, f"{path}[{place}].output"))
    return outputs
