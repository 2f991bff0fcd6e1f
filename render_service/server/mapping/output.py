"""Between `render.v1.OutputOptions` and the domain's."""

from render_client.v1 import output_pb2

from render_service.domain.faults import Faults
from render_service.domain.projects.output import OutputOptions
from render_service.server.mapping.records import Record

_OUTPUT = Record(OutputOptions, output_pb2.OutputOptions.DESCRIPTOR)


def output_from_proto(message: output_pb2.OutputOptions, path: str, faults: Faults) -> OutputOptions:
    """Return output options; `path` is theirs in the request, `faults` takes the faults of form."""
    return _OUTPUT.read(message, path, faults)


def output_to_proto(options: OutputOptions) -> output_pb2.OutputOptions:
    """Return the message of output options."""
    message = output_pb2.OutputOptions()
    _OUTPUT.write(options, message)
    return message
