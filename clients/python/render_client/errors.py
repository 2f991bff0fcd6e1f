"""Errors of the client, and their translation from gRPC errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import grpc

from render_client.messages import status_name
from render_client.status_details import FieldFault, MalformedDetails, StatusDetails, decode_status_details
from render_client.v1 import job_pb2

DOMAIN = "render.v1"
_DETAILS_KEY = "grpc-status-details-bin"


class RenderError(Exception):
    """A failed call; base class of all call errors of this package.

    Attributes:
        message: One sentence for people.
        code: The gRPC status, such as `grpc.StatusCode.NOT_FOUND`.
        reason: Name of `render.v1.ErrorReason` without its prefix, such as `JOB_NOT_FOUND`; empty if absent,
            such as when the service cannot be reached.
        metadata: Details of the reason, as documented at `render.v1.ErrorReason`.
        field_faults: The invalid fields of the request, if the service named any.
        retry_after: Seconds after which the service asks to retry; None if absent.
    """

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        field_faults: Sequence[FieldFault] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.field_faults = tuple(field_faults)
        self.retry_after = retry_after

    @property
    def connection_lost(self) -> bool:
        """Whether the connection, rather than the service's own judgement, ended the call.

        A proxy or a dying server ends streams with CANCELLED, INTERNAL or UNKNOWN too; the service itself always gives
        a reason with those.
        """
        broken = (grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        return self.code is grpc.StatusCode.UNAVAILABLE or (self.code in broken and not self.reason)


class InvalidRequestError(RenderError):
    """INVALID_ARGUMENT: the request is invalid; `field_faults` names the fields."""


class NotFoundError(RenderError):
    """NOT_FOUND: there is no such job or project in the workspace."""


class AlreadyExistsError(RenderError):
    """ALREADY_EXISTS: the request_id was used before with another request."""


class PreconditionError(RenderError):
    """FAILED_PRECONDITION: the job is not in the required state, or a provider key is missing."""


class ConflictError(RenderError):
    """ABORTED: the project was modified since it was read."""


class OutOfRangeError(RenderError):
    """OUT_OF_RANGE: an offset beyond the end, or events that have been pruned."""


class AuthenticationError(RenderError):
    """UNAUTHENTICATED: the call has no valid token."""


class PermissionDeniedError(RenderError):
    """PERMISSION_DENIED: the token is valid but may not do this."""


class QuotaError(RenderError):
    """RESOURCE_EXHAUSTED: a limit is reached; `retry_after` says when to retry, if known."""


class UnavailableError(RenderError):
    """UNAVAILABLE: the service, or a store it depends on, cannot be reached."""


class DeadlineError(RenderError):
    """DEADLINE_EXCEEDED: no response before the deadline."""


class ServiceError(RenderError):
    """INTERNAL and the like: an error in the service; find it in the service's log by `metadata["request_id"]`."""


class JobFailedError(PreconditionError):
    """A job that has ended without a video: it is FAILED or CANCELLED.

    `reason` and `metadata` are those of the job, such as `ASSET_INVALID` and the shot.

    Attributes:
        job: The ended job.
    """

    def __init__(self, job: job_pb2.Job) -> None:
        status = status_name(job.status)
        cause = ": ".join(part for part in (job.error_reason, job.error_message) if part)
        details = ", ".join(f"{name} = {value}" for name, value in sorted(job.error_metadata.items()))
        message = (
            f"job {job.job_id} is {status}" + (f": {cause}" if cause else "") + (f" ({details})" if details else "")
        )
        super().__init__(
            message,
            code=grpc.StatusCode.FAILED_PRECONDITION,
            reason=job.error_reason or status,
            metadata=job.error_metadata,
        )
        self.job = job


class DownloadError(RenderError):
    """The downloaded data does not match the file's size or checksum."""


class ClientClosedError(RenderError):
    """The client was closed before or during the call."""


_BY_CODE: dict[grpc.StatusCode, type[RenderError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionError,
    grpc.StatusCode.ABORTED: ConflictError,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRangeError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: QuotaError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
    grpc.StatusCode.INTERNAL: ServiceError,
    grpc.StatusCode.UNKNOWN: ServiceError,
    grpc.StatusCode.DATA_LOSS: ServiceError,
    grpc.StatusCode.UNIMPLEMENTED: ServiceError,
}


# What gRPC's core reports of failed handshakes, and what to do about it.
_TLS_HINTS = {
    "WRONG_VERSION_NUMBER": "does the server speak TLS? If not, pass tls=False (RENDER_TLS=off)",
    "CERTIFICATE_VERIFY_FAILED": "the server's certificate is not signed by a trusted authority; pass "
    "tls=TLS(root_certificates=…) (RENDER_TLS=ca.pem)",
    "Hostname Verification Check failed": "the server's certificate is for another name; pass tls=TLS(server_name=…)",
    "is not in peer certificate": "the server's certificate is for another name; pass tls=TLS(server_name=…)",
}
_PLAINTEXT_HINT = "does the server expect TLS? If so, pass tls=True (RENDER_TLS=on)"


def translate(error: grpc.RpcError, *, first_on_plaintext: bool = False) -> RenderError:
    """Translate a gRPC error, synchronous or asyncio, into one of this package.

    Args:
        error: As raised by a stub.
        first_on_plaintext: Whether the connection is plaintext and no call has succeeded on it yet.

    Returns:
        The error to raise in its place.
    """
    code = error.code()
    details = StatusDetails()
    # Both kinds of error return pairs; the type stubs of the synchronous one omit that.
    trailing = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    for key, value in trailing:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                details = decode_status_details(value)
            except MalformedDetails:
                # The code and the message are valid without the details.
                continue
    ours = details.domain == DOMAIN
    return _BY_CODE.get(code, RenderError)(
        _with_hint(error.details() or code.name, code, first_on_plaintext=first_on_plaintext),
        code=code,
        reason=details.reason if ours else "",
        metadata=details.metadata if ours else None,
        field_faults=details.field_faults,
        retry_after=details.retry_after,
    )


def _with_hint(message: str, code: grpc.StatusCode, *, first_on_plaintext: bool) -> str:
    if code is not grpc.StatusCode.UNAVAILABLE:
        return message
    for sign, hint in _TLS_HINTS.items():
        if sign in message:
            return f"{hint}. {message}"
    # A server that expects TLS closes a plaintext connection without a word.
    closed = message.endswith("Socket closed") or "Connection reset" in message
    return f"{_PLAINTEXT_HINT}. {message}" if first_on_plaintext and closed else message
