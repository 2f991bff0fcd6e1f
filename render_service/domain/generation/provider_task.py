"""A clip or narration submitted to a paid provider, as the ledger records it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.cost import Cost


class TaskState(StrEnum):
    """WAITING → INTENT → SUBMITTED → SUCCEEDED | FAILED | CANCELLED; for UNKNOWN and SUPERSEDED see the ledger."""

    WAITING = "WAITING"
    INTENT = "INTENT"
    SUBMITTED = "SUBMITTED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class ExternalTask:
    """A task at a provider: its id, and other JSON values of the response to the submission that are needed later.

    `cost` is what was charged, where the response says so.
    """

    id: str
    details: Mapping[str, Any] = field(default_factory=dict)
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class TaskFault:
    """Why a task failed. `code` is the provider's error code; `retryable`: whether submitting again may help."""

    reason: ErrorReason
    message: str
    code: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A result in the object store: size in bytes, length in milliseconds, sides in pixels, the provider's metadata.

    The sides of a narration are 0.
    """

    key: str
    sha256: str
    size_bytes: int
    milliseconds: int
    width: int
    height: int
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderTask:
    """A row of the ledger. `id` is also the idempotency key of the submission."""

    id: UUID
    key: bytes
    job_id: UUID
    shot_id: str
    provider: str
    model: str
    state: TaskState
    intent_token: UUID | None
    external: ExternalTask | None
    fault: TaskFault | None
    cost: Cost | None
    clip: StoredClip | None
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None
