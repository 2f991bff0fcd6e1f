"""The one place where errors of the domain become gRPC statuses with `google.rpc` details."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc
import structlog
from google.protobuf import duration_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from render_service.domain.errors import DomainError, ErrorReason, InvalidFields
from render_service.server.interceptor import Call
from render_service.telemetry import get_logger

_log = get_logger(__name__)
ERROR_DOMAIN = "render.v1"
# W3C Trace Context: version, trace id, span id, flags.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)

STATUS_OF_REASON = {
    ErrorReason.INVALID_FIELD: code_pb2.INVALID_ARGUMENT,
    ErrorReason.INVALID_PAGE_TOKEN: code_pb2.INVALID_ARGUMENT,
    ErrorReason.SEQUENCE_IN_FUTURE: code_pb2.INVALID_ARGUMENT,
    ErrorReason.CREDENTIALS_INVALID: code_pb2.UNAUTHENTICATED,
    ErrorReason.WORKSPACE_FORBIDDEN: code_pb2.PERMISSION_DENIED,
    ErrorReason.WRITE_FORBIDDEN: code_pb2.PERMISSION_DENIED,
    ErrorReason.QUOTA_EXCEEDED: code_pb2.RESOURCE_EXHAUSTED,
    ErrorReason.JOB_NOT_ENDED: code_pb2.FAILED_PRECONDITION,
    ErrorReason.JOB_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.PROJECT_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.REQUEST_ID_REUSED: code_pb2.ALREADY_EXISTS,
    ErrorReason.VIDEO_NOT_READY: code_pb2.FAILED_PRECONDITION,
    ErrorReason.DOWNLOAD_URL_UNSUPPORTED: code_pb2.FAILED_PRECONDITION,
    ErrorReason.PROVIDER_NOT_CONFIGURED: code_pb2.FAILED_PRECONDITION,
    ErrorReason.ETAG_MISMATCH: code_pb2.ABORTED,
    ErrorReason.OFFSET_OUT_OF_RANGE: code_pb2.OUT_OF_RANGE,
    ErrorReason.CURSOR_PRUNED: code_pb2.OUT_OF_RANGE,
    ErrorReason.WEBHOOK_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.DELIVERY_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.WEBHOOK_EXISTS: code_pb2.ALREADY_EXISTS,
    ErrorReason.WEBHOOKS_NOT_CONFIGURED: code_pb2.FAILED_PRECONDITION,
    ErrorReason.STORE_UNAVAILABLE: code_pb2.UNAVAILABLE,
    ErrorReason.SHUTTING_DOWN: code_pb2.UNAVAILABLE,
    ErrorReason.INTERNAL: code_pb2.INTERNAL,
}
"""Reasons that are answered to a call; the others are told of failed jobs."""


def to_status(error: DomainError) -> status_pb2.Status:
    """Return the status with the details of an error."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN, metadata=error.metadata)
    ]
    if isinstance(error, InvalidFields):
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=fault.field, description=fault.description)
            for fault in error.faults
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_after_seconds * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        packed.append(AnyMessage())
        packed[-1].Pack(detail)
    return status_pb2.Status(
        code=STATUS_OF_REASON.get(error.reason, code_pb2.INTERNAL), message=error.message, details=packed
    )


class ErrorGuard:
    """Gives every call a request id for the log, and turns whatever it raises into a status without internal text."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Translate errors."""
        request_id = str(uuid4())
        try:
            trace = _TRACEPARENT.fullmatch(call.metadata.get("traceparent", ""))
            bound = {"trace_id": trace[1]} if trace else {}
            with structlog.contextvars.bound_contextvars(request_id=request_id, method=call.method, **bound):
                yield
        except grpc.aio.AbortError:
            raise
        except DomainError as error:
            if error.reason is ErrorReason.STORE_UNAVAILABLE:
                _log.warning(
                    "call refused", method=call.method, reason=error.reason, cause=type(error.__cause__).__name__
                )
            await call.context.abort_with_status(rpc_status.to_status(to_status(error)))
        except Exception:  # noqa: BLE001 - whatever it is, callers are told nothing internal
            _log.exception("call failed by a fault of the service", method=call.method, request_id=request_id)
            fault = DomainError(ErrorReason.INTERNAL, "an internal fault", {"request_id": request_id})
            await call.context.abort_with_status(rpc_status.to_status(to_status(fault)))
