"""Server reflection under both of its names: `grpc.reflection.v1`, and `v1alpha` for clients that know only that.

grpcio-reflection has only `v1alpha`. Version 1 differs in nothing but the package's name: its messages have the same
bytes (https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto).
"""

from collections.abc import Iterable

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection, reflection_pb2

_ALPHA = "grpc.reflection.v1alpha"
_PACKAGE = "grpc.reflection.v1"
_METHOD = "ServerReflectionInfo"
SERVICE_NAMES = (f"{_PACKAGE}.ServerReflection", reflection.SERVICE_NAME)


def add_reflection(services: Iterable[str], server: grpc.aio.Server) -> None:
    """Add both versions of reflection to a server.

    Args:
        services: Full names of the services to list beside reflection itself.
        server: The server, before it starts.
    """
    _add_descriptors()
    servicer = reflection.aio.ReflectionServicer((*services, *SERVICE_NAMES))
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=_serialize,
    )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, {_METHOD: handler}) for name in SERVICE_NAMES)
    )


def _serialize(response: Message) -> bytes:
    return response.SerializeToString()


def _add_descriptors() -> None:
    """Describe version 1 to the pool, from which reflection answers, so that clients can describe it too."""
    pool = descriptor_pool.Default()
    name = reflection_pb2.DESCRIPTOR.name.replace("v1alpha", "v1")
    try:
        pool.FindFileByName(name)
    except KeyError:
        file = descriptor_pb2.FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(file)
        file.name, file.package = name, _PACKAGE
        for message in file.message_type:
            for field in message.field:
                if field.type_name:
                    field.type_name = field.type_name.replace(_ALPHA, _PACKAGE)
        for method in file.service[0].method:
            method.input_type = method.input_type.replace(_ALPHA, _PACKAGE)
            method.output_type = method.output_type.replace(_ALPHA, _PACKAGE)
        pool.Add(file)
