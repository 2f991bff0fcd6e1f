"""Makes requests that nobody should send: wild values in sound messages, mutated bytes, random bytes, odd metadata."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

_DEPTH = 4
_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 64,
    "x" * 65,
    "x" * 2_049,
    "x" * 70_000,
    "'; DROP TABLE jobs; --",
    "%s%n%x{}{0.__class__}",
    "../../../etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1:1/",
    "https://example.com/a.png",
    "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f",
    "00000000-0000-0000-0000-000000000000",
    "\u202e\u200b\ufeff\ud7ff",
    "渲染动画" * 100,
    "👩‍👩‍👧‍👦" * 50,
    "𓂀\U0010ffff",
    "mock",
    "local",
    "runway",
    "1" * 40,
    "NaN",
    "\r\nSet-Cookie: x",
)
_INTEGERS = (0, 1, -1, 7, 100, 101, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))
_FLOATS = (0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, float("inf"), float("-inf"), float("nan"))
_VALUES: dict[int, tuple[object, ...]] = {
    FieldDescriptor.CPPTYPE_BOOL: (False, True),
    FieldDescriptor.CPPTYPE_DOUBLE: _FLOATS,
    FieldDescriptor.CPPTYPE_FLOAT: (0.0, -1.0, 1e30, float("inf"), float("nan")),
    FieldDescriptor.CPPTYPE_ENUM: (0, 1, 2, 3, 99, -1, 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: _INTEGERS,
    FieldDescriptor.CPPTYPE_INT32: _INTEGERS[:8],
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**64 - 1),
}


@dataclass(frozen=True, slots=True)
class FuzzedCall:
    """A call to be made: full method name, the bytes of its request, its metadata, and which sides of it stream."""

    method: str
    body: bytes
    metadata: tuple[tuple[str, str | bytes], ...]
    asks_in_stream: bool
    answers_in_stream: bool
    what: str


FILES = (
    *(render_service_pb2, project_service_pb2, webhook_service_pb2, brand_service_pb2, batch_service_pb2),
    *(health_pb2, reflection_pb2),
)


def methods() -> list[tuple[str, MethodDescriptor]]:
    """Return every RPC, by full name."""
    return [
        (f"/{service.full_name}/{method.name}", method)
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]


def fuzzed_calls(seed: int, workspace: str) -> Iterator[FuzzedCall]:
    """Yield calls without end, the same for the same seed.

    Args:
        seed: Chooses them.
        workspace: Where most of the sound ones go.
    """
    chance = random.Random(seed)
    served = methods()
    while True:
        name, method = chance.choice(served)
        message = wild_message(chance, method.input_type, workspace)
        body, what = message.SerializeToString(), "wild"
        kind = chance.random()
        if kind < 0.25:
            body, what = _mutated(chance, body), "mutated"
        elif kind < 0.35:
            body, what = chance.randbytes(chance.choice((0, 1, 2, 16, 300, 5_000))), "random bytes"
        yield FuzzedCall(name, body, _metadata(chance), method.client_streaming, method.server_streaming, what)


def wild_message(chance: random.Random, descriptor: Descriptor, workspace: str, depth: int = 0) -> Message:
    """Return a sound message with wild values."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if chance.random() < (0.35 if depth else 0.2):
            continue
        if field.name == "workspace_id" and chance.random() < 0.85:
            setattr(message, field.name, workspace)
        else:
            _fill(chance, message, field, workspace, depth)
    return message


def _fill(chance: random.Random, message: Message, field: FieldDescriptor, workspace: str, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
            getattr(message, field.name).update(
                {chance.choice(_TEXTS): chance.choice(_TEXTS) for _ in range(chance.choice((0, 1, 33)))}
            )
    elif field.is_repeated:
        values = getattr(message, field.name)
        for _ in range(chance.choice((0, 1, 2, 5))):
            if field.message_type is None:
                values.append(_scalar(chance, field))
            elif depth < _DEPTH:
                values.append(wild_message(chance, field.message_type, workspace, depth + 1))
    elif field.message_type is None:
        setattr(message, field.name, _scalar(chance, field))
    elif depth < _DEPTH:
        getattr(message, field.name).CopyFrom(wild_message(chance, field.message_type, workspace, depth + 1))


def _scalar(chance: random.Random, field: FieldDescriptor) -> object:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return chance.randbytes(20) if field.type == FieldDescriptor.TYPE_BYTES else chance.choice(_TEXTS)
    return chance.choice(_VALUES[field.cpp_type])


def _mutated(chance: random.Random, body: bytes) -> bytes:
    data = bytearray(body)
    for _ in range(chance.choice((1, 1, 3, 20))):
        if not data:
            break
        match chance.randrange(4):
            case 0:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case 1:
                del data[chance.randrange(len(data)) :]
            case 2:
                start = chance.randrange(len(data))
                data[start:start] = chance.randbytes(chance.randrange(1, 9))
            case _:
                start = chance.randrange(len(data))
                data += data[start : start + 200]
    return bytes(data)


def _metadata(chance: random.Random) -> tuple[tuple[str, str | bytes], ...]:
    if chance.random() < 0.7:
        return ()
    return (
        chance.choice(
            (
                ("authorization", "Bearer"),
                ("authorization", "Bearer " + "x" * 3_000),
                ("authorization", "Bearer a.b.c"),
                ("authorization", "bearer rk_" + "y" * 43),
                ("x-request-id", "%0d%0a" * 20),
                ("traceparent", "00-zz-zz-zz"),
                ("trace-bin", bytes(range(256))),
                ("authorization-bin", b"\xff\xfe"),
            )
        ),
    )
