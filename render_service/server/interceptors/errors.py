"""The one place where errors of the domain become gRPC statuses with `google.rpc` details."""

import asyncio
import re
from typing import NoReturn, TypeVar

import grpc
from google.protobuf import duration_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from render_service.domain.errors import DomainError, ErrorReason, InvalidFields
from render_service.server.auth.authenticator import credentials_invalid
from render_service.server.interceptors.authentication import origin_of
from render_service.server.interceptors.authorization import workspace_of
from render_service.server.interceptors.base import Call, Work
from render_service.server.interceptors.refusals import ACCESS_REASONS, RefusalRecorder
from render_service.telemetry.logging import bind_log_fields, get_logger

T = TypeVar("T")
_log = get_logger(__name__)
ERROR_DOMAIN = "render.v1"
_JOB_ID = re.compile(r"[0-9a-fA-F-]{32,36}", re.ASCII)

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
    ErrorReason.FILE_LOST: code_pb2.DATA_LOSS,
    ErrorReason.CURSOR_PRUNED: code_pb2.OUT_OF_RANGE,
    ErrorReason.WEBHOOK_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.DELIVERY_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.WEBHOOK_EXISTS: code_pb2.ALREADY_EXISTS,
    ErrorReason.WEBHOOKS_NOT_CONFIGURED: code_pb2.FAILED_PRECONDITION,
    ErrorReason.BRAND_KIT_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.BRAND_KIT_EXISTS: code_pb2.ALREADY_EXISTS,
    ErrorReason.BATCH_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.FONT_NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorReason.FONT_EXISTS: code_pb2.ALREADY_EXISTS,
    ErrorReason.STORE_UNAVAILABLE: code_pb2.UNAVAILABLE,
    ErrorReason.PROVIDER_UNAVAILABLE: code_pb2.UNAVAILABLE,
    ErrorReason.WORKER_UNAVAILABLE: code_pb2.UNAVAILABLE,
    ErrorReason.SHUTTING_DOWN: code_pb2.UNAVAILABLE,
    ErrorReason.INTERNAL: code_pb2.INTERNAL,
}
"""Reasons of failed calls; the others are reported for failed jobs."""
STATUS_OF_FRAME_REASON = {
    ErrorReason.ASSET_INVALID: code_pb2.FAILED_PRECONDITION,
    ErrorReason.COMPOSE_FAILED: code_pb2.INTERNAL,
    ErrorReason.GLYPH_MISSING: code_pb2.INVALID_ARGUMENT,
}
"""Reasons of failed jobs with which RenderFrame fails as well: it does the work of a job within the call."""
_STATUSES = {**STATUS_OF_REASON, **STATUS_OF_FRAME_REASON}


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
    return status_pb2.Status(code=_STATUSES.get(error.reason, code_pb2.INTERNAL), message=error.message, details=packed)


class ErrorMiddleware:
    """Names every call in the log, and turns its exceptions into a status without internal text.

    Args:
        refusals: Records calls that are refused for their credentials.
    """

    def __init__(self, refusals: RefusalRecorder) -> None:
        self._refusals = refusals

    async def run(self, call: Call, work: Work[T]) -> T:
        """Translate errors."""
        bind_log_fields(**_log_fields(call))
        try:
            return await work(call)
        except grpc.aio.AbortError:
            raise
        except asyncio.CancelledError:
            if not call.revoked:
                raise
            _clear_cancellation()
            self._record_refusal(call, ErrorReason.CREDENTIALS_INVALID)
            return await _abort(call, credentials_invalid())
        except DomainError as error:
            if error.reason is ErrorReason.STORE_UNAVAILABLE:
                cause = type(error.__cause__).__name__
                _log.warning("call refused", reason=error.reason, cause=cause, **_job_of(call))
            elif error.reason in ACCESS_REASONS:
                self._record_refusal(call, error.reason)
            return await _abort(call, error)
        except Exception:  # noqa: BLE001 - callers must see no internal text
            _log.exception("call failed by a fault of the service", **_job_of(call))
            return await _abort(
                call, DomainError(ErrorReason.INTERNAL, "an internal fault", {"request_id": str(call.id)})
            )

    def _record_refusal(self, call: Call, reason: ErrorReason) -> None:
        self._refusals.record(
            reason,
            method=call.method,
            workspace_id=workspace_of(call),
            peer=call.context.peer(),
            origin=origin_of(call),
            request_id=call.id,
        )


async def _abort(call: Call, error: DomainError) -> NoReturn:
    await call.context.abort_with_status(rpc_status.to_status(to_status(error)))
    raise AssertionError("abort_with_status always raises")


def _clear_cancellation() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


class JobLogContext:
    """Adds the job that a call names to the call's log lines. Not for watches: idle ones must cost nothing."""

    async def admit(self, call: Call) -> None:
        """Add the job."""
        if not call.streaming:
            bind_log_fields(**_job_of(call))


def _log_fields(call: Call) -> dict[str, str]:
    """Return the fields of every log line of a call."""
    fields = {"request_id": str(call.id), "method": call.method}
    if call.parent is not None:
        fields["trace_id"] = call.parent.trace_id
    return fields


def _job_of(call: Call) -> dict[str, str]:
    """Return the job that a call names, if it has the form of one: callers' free text is not logged."""
    job_id = getattr(call.request, "job_id", "")
    return {"job_id": job_id} if _JOB_ID.fullmatch(job_id) else {}
