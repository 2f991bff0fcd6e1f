"""Reads the `google.rpc` details of a failed call from its `grpc-status-details-bin` metadata.

The messages are read from the wire by field number rather than through generated classes: registering `google.rpc`
types of our own would clash with googleapis-common-protos in programs that have it, and depending on it would tie every
caller to its releases for the sake of four small messages.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class MalformedDetails(ValueError):
    """The bytes are no protobuf message."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One wrong field of a request: its path as in the proto message, and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class StatusDetails:
    """What a failed call tells besides its status code and message.

    Attributes:
        reason: `google.rpc.ErrorInfo.reason`; empty where the server told none.
        domain: `google.rpc.ErrorInfo.domain`.
        metadata: `google.rpc.ErrorInfo.metadata`.
        field_faults: Field violations of `google.rpc.BadRequest`, in the server's order.
        retry_after: Seconds to wait as `google.rpc.RetryInfo` says, ≥ 0; None where the server told none.
    """

    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    field_faults: tuple[FieldFault, ...] = ()
    retry_after: float | None = None


def decode_status_details(status: bytes) -> StatusDetails:
    """Decode a serialized `google.rpc.Status`.

    Field numbers are those of google/rpc/status.proto and google/rpc/error_details.proto.

    Args:
        status: Value of the trailing metadata `grpc-status-details-bin`.

    Returns:
        What the details tell; details of other types are passed over.

    Raises:
        MalformedDetails: If the bytes are no protobuf message.
    """
    reason, domain, metadata, retry_after = "", "", dict[str, str](), None
    faults: list[FieldFault] = []
    for detail in _messages(status, 3):
        type_name = _text(detail, 1).rpartition("/")[2]
        value = _last_bytes(detail, 2)
        if type_name == "google.rpc.ErrorInfo":
            reason, domain = _text(value, 1), _text(value, 2)
            metadata = {_text(entry, 1): _text(entry, 2) for entry in _messages(value, 3)}
        elif type_name == "google.rpc.BadRequest":
            faults += [FieldFault(_text(violation, 1), _text(violation, 2)) for violation in _messages(value, 1)]
        elif type_name == "google.rpc.RetryInfo":
            delay = _last_bytes(value, 1)
            retry_after = max(0.0, _integer(delay, 1) + _integer(delay, 2) / 1e9)
    return StatusDetails(reason, domain, metadata, tuple(faults), retry_after)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Walk a message's fields as (number, value): varints as int, length-delimited ones as bytes, others left out."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire_type = tag & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield tag >> 3, value
            continue
        if wire_type == _BYTES:
            length, position = _varint(message, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise MalformedDetails(f"wire type {wire_type}")
        end = position + length
        if end > len(message):
            raise MalformedDetails("cut short")
        if wire_type == _BYTES:
            yield tag >> 3, message[position:end]
        position = end


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise MalformedDetails("cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise MalformedDetails("varint too long")


def _messages(message: bytes, number: int) -> Iterator[bytes]:
    return (value for found, value in _fields(message) if found == number and isinstance(value, bytes))


def _last_bytes(message: bytes, number: int) -> bytes:
    # Of a field sent twice the last one counts.
    return next(reversed(list(_messages(message, number))), b"")


def _text(message: bytes, number: int) -> str:
    return _last_bytes(message, number).decode("utf-8", errors="replace")


def _integer(message: bytes, number: int) -> int:
    value = 0
    for found, sent in _fields(message):
        if found == number and isinstance(sent, int):
            value = sent
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
