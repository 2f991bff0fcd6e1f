"""Reads `render.v1.OutputOptions`."""

from render_client.v1 import output_pb2

from render_service.domain.faults import Faults
from render_service.domain.projects.output import OutputOptions
from render_service.server.mapping.records import Record

_OUTPUT = Record(OutputOptions, output_pb2.OutputOptions.DESCRIPTOR)


def output_from_proto(message: output_pb2.OutputOptions, path: str, faults: Faults) -> OutputOptions:
    """Return output options.

    Args:
        message: The message.
        path: Its path in the request, for faults.
        faults: Collects invalid fields.
    """
    return _OUTPUT.read(message, path, faults)
