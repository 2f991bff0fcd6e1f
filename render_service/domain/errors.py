"""The errors of the domain, each with a reason that callers can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ErrorReason(StrEnum):
    """Reasons as the contract names them (`render.v1.ErrorReason` without its prefix)."""

    INVALID_FIELD = "INVALID_FIELD"
    INVALID_PAGE_TOKEN = "INVALID_PAGE_TOKEN"
    CREDENTIALS_INVALID = "CREDENTIALS_INVALID"
    JOB_NOT_FOUND = "JOB_NOT_FOUND"
    PROJECT_NOT_FOUND = "PROJECT_NOT_FOUND"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    VIDEO_NOT_READY = "VIDEO_NOT_READY"
    PROVIDER_NOT_CONFIGURED = "PROVIDER_NOT_CONFIGURED"
    ETAG_MISMATCH = "ETAG_MISMATCH"
    OFFSET_OUT_OF_RANGE = "OFFSET_OUT_OF_RANGE"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL = "INTERNAL"
    ASSET_INVALID = "ASSET_INVALID"
    PROVIDER_FAILED = "PROVIDER_FAILED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
    CHECK_FAILED = "CHECK_FAILED"
    COMPOSE_FAILED = "COMPOSE_FAILED"
    GLYPH_MISSING = "GLYPH_MISSING"
    SEQUENCE_IN_FUTURE = "SEQUENCE_IN_FUTURE"
    CURSOR_PRUNED = "CURSOR_PRUNED"
    NO_PROGRESS = "NO_PROGRESS"
    WORKSPACE_FORBIDDEN = "WORKSPACE_FORBIDDEN"
    DOWNLOAD_URL_UNSUPPORTED = "DOWNLOAD_URL_UNSUPPORTED"
    SUBMIT_OUTCOME_UNKNOWN = "SUBMIT_OUTCOME_UNKNOWN"
    CONTENT_REFUSED = "CONTENT_REFUSED"
    WRITE_FORBIDDEN = "WRITE_FORBIDDEN"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    JOB_NOT_ENDED = "JOB_NOT_ENDED"
    WEBHOOK_NOT_FOUND = "WEBHOOK_NOT_FOUND"
    DELIVERY_NOT_FOUND = "DELIVERY_NOT_FOUND"
    WEBHOOK_EXISTS = "WEBHOOK_EXISTS"
    WEBHOOKS_NOT_CONFIGURED = "WEBHOOKS_NOT_CONFIGURED"
    FILE_LOST = "FILE_LOST"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    WORKER_UNAVAILABLE = "WORKER_UNAVAILABLE"
    BRAND_KIT_NOT_FOUND = "BRAND_KIT_NOT_FOUND"
    BRAND_KIT_EXISTS = "BRAND_KIT_EXISTS"
    BATCH_NOT_FOUND = "BATCH_NOT_FOUND"
    FONT_NOT_FOUND = "FONT_NOT_FOUND"
    FONT_EXISTS = "FONT_EXISTS"


class DomainError(Exception):
    """An error that is reported to the caller.

    Args:
        reason: The kind of error.
        message: One sentence for people; holds no internal text.
        metadata: Details for programs, as documented at the reason in `error_reason.proto`.
        retry_after_seconds: How long to wait, if waiting helps; sent as `google.rpc.RetryInfo`.
    """

    def __init__(
        self,
        reason: ErrorReason,
        message: str,
        metadata: Mapping[str, str] | None = None,
        *,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One wrong field of a request: its path as in the proto message, and what is wrong with it."""

    field: str
    description: str


class InvalidFields(DomainError):
    """One or more fields of a request are wrong; holds every fault found, in request order.

    Args:
        faults: At least one fault.
    """

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        listed = "; ".join(f"{fault.field}: {fault.description}" for fault in faults)
        super().__init__(ErrorReason.INVALID_FIELD, listed, {"fields": ",".join(fault.field for fault in faults)})
        self.faults = tuple(faults)


class RenderFailure(DomainError):
    """A render attempt cannot continue; becomes the job's `error_message` unless the attempt is retried.

    Args:
        reason: The kind of failure.
        message: One sentence for people; holds no internal text.
        metadata: Details for programs.
        retryable: Whether another attempt may succeed.
        worker_fault: Whether the machine is at fault, not the job: such an attempt does not count against the job.
    """

    def __init__(
        self,
        reason: ErrorReason,
        message: str,
        metadata: Mapping[str, str] | None = None,
        *,
        retryable: bool = False,
        worker_fault: bool = False,
    ) -> None:
        super().__init__(reason, message, metadata)
        self.retryable = retryable or worker_fault
        self.worker_fault = worker_fault
