"""Webhooks: the receivers of a workspace's job events over HTTP, and their deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from render_service.domain.jobs.job import JobStatus
from render_service.domain.jobs.receiver import Receiver

MAX_WEBHOOKS = 16
ENDS = tuple(status for status in JobStatus if status.terminal)
"""The statuses that a receiver subscribes to if the caller names none."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of job events of a workspace, restricted to jobs that have all of its labels."""

    id: UUID
    workspace_id: str
    receiver: Receiver
    labels: Mapping[str, str]
    create_time: datetime


class DeliveryState(StrEnum):
    """PENDING → DELIVERED | FAILED, and back to PENDING on redelivery."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one receiver, as callers see it.

    `webhook_id` is None for the receiver that a job was started with; `http_status` is 0 where there was no answer;
    `next_attempt_time` is None while an earlier delivery of its job is pending.
    """

    id: UUID
    webhook_id: UUID | None
    job_id: UUID
    sequence: int
    url: str
    type: str
    state: DeliveryState
    attempts: int
    http_status: int
    error: str
    create_time: datetime
    attempt_time: datetime | None
    next_attempt_time: datetime | None


def event_id(job_id: UUID, sequence: int) -> str:
    """Return the `webhook-id` of an event: the same for every receiver, attempt and redelivery."""
    return f"evt_{job_id.hex}_{sequence}"
