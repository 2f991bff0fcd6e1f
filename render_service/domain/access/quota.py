"""How much a workspace may use at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from render_service.domain.errors import DomainError, ErrorReason


class QuotaName(StrEnum):
    """What a quota limits."""

    RUNNING_JOBS = "running_jobs"
    QUEUED_JOBS = "queued_jobs"
    REQUESTS_PER_SECOND = "requests_per_second"
    WATCHERS = "watchers"
    STORED_BYTES = "stored_bytes"


@dataclass(frozen=True, slots=True)
class Quotas:
    """What a workspace may use; None for no limit.

    Args:
        running_jobs: Jobs that are PROCESSING. Further jobs wait; none is refused.
        queued_jobs: Jobs that are PENDING.
        requests_per_second: Calls to one server, on average; bursts of as many are allowed.
        watchers: Open watches at one server.
        stored_bytes: Bytes of finished videos with all their files; new jobs are refused once it is reached.
    """

    running_jobs: int | None = None
    queued_jobs: int | None = None
    requests_per_second: int | None = None
    watchers: int | None = None
    stored_bytes: int | None = None

    def overridden_by(self, limits: Mapping[QuotaName, int | None]) -> "Quotas":
        """Return these quotas with some limits replaced."""
        return replace(self, **{name.value: limit for name, limit in limits.items()}) if limits else self


def quota_exceeded(quota: QuotaName, limit: int, *, retry_after_seconds: float) -> DomainError:
    """Return the error for a call that would exceed a quota."""
    return DomainError(
        ErrorReason.QUOTA_EXCEEDED,
        f"the workspace's quota {quota} of {limit} is used up; try again later",
        {"quota": quota, "limit": str(limit)},
        retry_after_seconds=retry_after_seconds,
    )
