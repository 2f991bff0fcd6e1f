"""Clients of both versions of reflection learn every service, and the files that describe it."""

from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.descriptor_database import DescriptorDatabase
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2

from render_service.embedded.ports import LOOPBACK
from render_service.server.listener import SERVICES
from render_service.server.reflection import SERVICE_NAMES, add_reflection

VERSIONS = ("grpc.reflection.v1", "grpc.reflection.v1alpha")


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server that has reflection only."""
    server = grpc.aio.server()
    add_reflection(SERVICES, server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        yield channel
    await server.stop(None)


async def ask(channel: grpc.aio.Channel, version: str, **question: str) -> reflection_pb2.ServerReflectionResponse:
    method = channel.stream_stream(
        f"/{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    request = reflection_pb2.ServerReflectionRequest(**question)  # type: ignore[arg-type] # one of its questions
    (response,) = [response async for response in method(iter([request]), timeout=60)]
    return response


@pytest.mark.parametrize("version", VERSIONS)
async def test_reflection_lists_every_service_and_itself(channel: grpc.aio.Channel, version: str) -> None:
    response = await ask(channel, version, list_services="")
    listed = [service.name for service in response.list_services_response.service]
    assert listed == sorted((*SERVICES, *(f"{name}.ServerReflection" for name in VERSIONS)))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("service", [*SERVICES, *SERVICE_NAMES])
async def test_reflection_describes_a_service_completely(channel: grpc.aio.Channel, version: str, service: str) -> None:
    response = await ask(channel, version, file_containing_symbol=service)
    files = DescriptorDatabase()
    for file in response.file_descriptor_response.file_descriptor_proto:
        files.Add(FileDescriptorProto.FromString(file))
    described = DescriptorPool(files).FindServiceByName(service)
    assert {method.input_type.file.package for method in described.methods} <= {service.rpartition(".")[0]}
    assert described.methods
