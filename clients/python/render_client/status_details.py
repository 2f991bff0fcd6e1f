"""Reads the `google.rpc` details of a failed call from its `grpc-status-details-bin` metadata."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2


class MalformedDetails(ValueError):
    """The bytes are not a `google.rpc.Status`."""


@dataclass(frozen=True)
class FieldFault:
    """An invalid field of a request: its path as in the proto message, and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True)
class StatusDetails:
    """The details of a failed call, besides its status code and message.

    Attributes:
        reason: `google.rpc.ErrorInfo.reason`; empty if absent.
        domain: `google.rpc.ErrorInfo.domain`.
        metadata: `google.rpc.ErrorInfo.metadata`.
        field_faults: Field violations of `google.rpc.BadRequest`, in the server's order.
        retry_after: Seconds to wait as `google.rpc.RetryInfo` says, ≥ 0; None if absent.
    """

    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    field_faults: tuple[FieldFault, ...] = ()
    retry_after: float | None = None


def decode_status_details(status: bytes) -> StatusDetails:
    """Decode a serialized `google.rpc.Status`.

    Args:
        status: Value of the trailing metadata `grpc-status-details-bin`.

    Returns:
        The details. Those of unknown types are skipped.

    Raises:
        MalformedDetails: The bytes are not a `google.rpc.Status`.
    """
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    retry_after = None
    try:
        for detail in status_pb2.Status.FromString(status).details:
            if detail.Unpack(retry):
                retry_after = max(0.0, retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)
            else:
                detail.Unpack(info) or detail.Unpack(bad_request)
    except DecodeError as error:
        raise MalformedDetails(str(error)) from error
    faults = tuple(FieldFault(fault.field, fault.description) for fault in bad_request.field_violations)
    return StatusDetails(info.reason, info.domain, dict(info.metadata), faults, retry_after)
