"""Which calls are watches: streams that stay open for hours and are idle most of the time."""

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from render_client.v1 import batch_service_pb2, project_service_pb2, render_service_pb2, webhook_service_pb2

_FILES: tuple[FileDescriptor, ...] = (
    render_service_pb2.DESCRIPTOR,
    batch_service_pb2.DESCRIPTOR,
    project_service_pb2.DESCRIPTOR,
    webhook_service_pb2.DESCRIPTOR,
)


def _is_watch(method: MethodDescriptor) -> bool:
    """Return whether a method streams heartbeats, as every watch does."""
    return method.server_streaming and "heartbeat" in method.output_type.fields_by_name


WATCHES = frozenset(
    f"/{service.full_name}/{method.name}"
    for file in _FILES
    for service in file.services_by_name.values()
    for method in service.methods
    if _is_watch(method)
)
"""Full names of the methods that are watches, from the contract."""
