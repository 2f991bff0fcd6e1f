"""Errors over HTTP: `google.rpc.Status` in JSON, with the status of HTTP that stands for its code."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from starlette.responses import Response

from render_service.domain.errors import ErrorReason, FieldFault, InvalidFields

_DOMAIN = "render.v1"
_CLIENT_CLOSED_REQUEST = 499
# As google/rpc/code.proto has it.
_HTTP_STATUS: Mapping[int, int] = {
    code_pb2.CANCELLED: _CLIENT_CLOSED_REQUEST,
    code_pb2.UNKNOWN: HTTPStatus.INTERNAL_SERVER_ERROR,
    code_pb2.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    code_pb2.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    code_pb2.NOT_FOUND: HTTPStatus.NOT_FOUND,
    code_pb2.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    code_pb2.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    code_pb2.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    code_pb2.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    code_pb2.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    code_pb2.ABORTED: HTTPStatus.CONFLICT,
    code_pb2.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    code_pb2.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    code_pb2.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    code_pb2.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    code_pb2.DATA_LOSS: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class RequestRefused(Exception):
    """A request that ends without its RPC, or whose RPC failed.

    Args:
        status: What to answer.
        http_status: The status of HTTP; None for the one that stands for the code.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: status_pb2.Status,
        http_status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status.message)
        self.status = status
        self.http_status = http_status or _HTTP_STATUS.get(status.code, HTTPStatus.INTERNAL_SERVER_ERROR)
        self.headers = dict(headers or {})
        if self.http_status == HTTPStatus.UNAUTHORIZED:
            self.headers["WWW-Authenticate"] = "Bearer"
        if (delay := _retry_after(status)) is not None:
            self.headers["Retry-After"] = delay


def refuse_fields(faults: Sequence[FieldFault]) -> RequestRefused:
    """Return the error for fields that are not as the contract says, as the gRPC server would return it."""
    # Names of unknown fields may be anything that JSON can escape.
    shown = [FieldFault(each.field.encode(errors="backslashreplace").decode(), each.description) for each in faults]
    error = InvalidFields(shown)
    violations = [
        error_details_pb2.BadRequest.FieldViolation(field=fault.field, description=fault.description) for fault in shown
    ]
    info = error_details_pb2.ErrorInfo(reason=ErrorReason.INVALID_FIELD, domain=_DOMAIN, metadata=error.metadata)
    details = (info, error_details_pb2.BadRequest(field_violations=violations))
    return RequestRefused(_status(code_pb2.INVALID_ARGUMENT, error.message, details))


def refuse(code: int, message: str, http_status: int, headers: Mapping[str, str] | None = None) -> RequestRefused:
    """Return the error for a request that HTTP itself refuses.

    Args:
        code: A `google.rpc.Code`.
        message: For people.
        http_status: The status of HTTP.
        headers: Further headers of the response.
    """
    return RequestRefused(_status(code, message), http_status, headers)


def status_json(status: status_pb2.Status) -> bytes:
    """Return a status in JSON."""
    fields = json_format.MessageToDict(status, preserving_proto_field_name=True)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def error_response(error: RequestRefused) -> Response:
    """Return the response for an error."""
    return Response(status_json(error.status), error.http_status, error.headers, "application/json")


def _status(code: int, message: str, details: Sequence[Message] = ()) -> status_pb2.Status:
    status = status_pb2.Status(code=code, message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _retry_after(status: status_pb2.Status) -> str | None:
    """Return the whole seconds to wait that a status has."""
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(retry):
            return str(max(1, retry.retry_delay.seconds + (retry.retry_delay.nanos > 0)))
    return None
