"""Why a fetch failed, in words that callers may read."""

from enum import StrEnum

import httpx


class FetchErrorKind(StrEnum):
    """The kind of failure."""

    FORBIDDEN = "forbidden"  # the URL, or one it redirects to, is not allowed
    UNREACHABLE = "unreachable"  # the name cannot be resolved, or nothing accepts the connection
    TLS = "tls"  # the host's certificate is not trusted
    TIMED_OUT = "timed_out"
    HTTP_STATUS = "http_status"  # a status other than 200
    TOO_MANY_REDIRECTS = "too_many_redirects"
    TOO_LARGE = "too_large"  # over the limit of a file, or of all files of a job
    BUSY = "busy"  # the workspace's jobs on this worker hold all that they may; later there is capacity again
    TRUNCATED = "truncated"  # fewer bytes than announced
    BAD_ANSWER = "bad_answer"  # not HTTP, or not in its own encoding
    NO_FILE = "no_file"  # a `file://` URL without a file


class FetchError(Exception):
    """A URL could not be fetched.

    Args:
        kind: The kind of failure.
        message: What went wrong, for callers, to complete "<field>: …"; contains no resolved IP address, no redirect's
            target and no query.
        retryable: Whether the same fetch may succeed later.
        status: The HTTP status, where `kind` is HTTP_STATUS.
    """

    def __init__(
        self, kind: FetchErrorKind, message: str, *, retryable: bool = False, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retryable = retryable
        self.status = status


class DestinationForbidden(httpx.TransportError):
    """The policy forbids the destination of a request; nothing was sent. A retry does not help."""
