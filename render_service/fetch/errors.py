"""Why a fetch failed, in words that callers may read."""

from enum import StrEnum

import httpx


class FetchErrorKind(StrEnum):
    """What kind of failure it was."""

    FORBIDDEN = "forbidden"  # the address, or one it led to, is not to be reached
    UNREACHABLE = "unreachable"  # no such name, or nobody answers there
    TLS = "tls"  # no trusted encryption with that host
    TIMED_OUT = "timed_out"
    HTTP_STATUS = "http_status"  # an answer other than 200
    TOO_MANY_REDIRECTS = "too_many_redirects"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"  # fewer bytes than were announced
    BAD_ANSWER = "bad_answer"  # not to be understood as HTTP, or in an unknown encoding
    NO_FILE = "no_file"  # a `file://` address without a file


class FetchError(Exception):
    """A URL could not be fetched.

    Args:
        kind: What kind of failure it was.
        message: One sentence for callers; names no resolved address, no redirect's target and no query.
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
    """A guarded transport was asked to go where its policy forbids; nothing was sent. Trying again does not help."""
