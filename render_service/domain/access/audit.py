"""Entries of the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Action(StrEnum):
    """What was done. The values are stored and must not change."""

    JOB_STARTED = "job_started"
    JOB_CANCELLED = "job_cancelled"
    JOB_DELETED = "job_deleted"
    FILE_DOWNLOADED = "file_downloaded"
    FILE_URL_PRESIGNED = "file_address_made"
    FILE_URL_RETURNED = "file_address_told"
    PROJECT_CREATED = "project_created"
    PROJECT_UPDATED = "project_updated"
    PROJECT_DELETED = "project_deleted"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    WEBHOOK_CREATED = "webhook_created"
    WEBHOOK_DELETED = "webhook_deleted"
    WEBHOOK_SECRET_READ = "webhook_secret_read"
    WEBHOOK_REDELIVERED = "webhook_redelivered"
    BRAND_KIT_CREATED = "brand_kit_created"
    BRAND_KIT_UPDATED = "brand_kit_updated"
    BRAND_KIT_DELETED = "brand_kit_deleted"
    BATCH_STARTED = "batch_started"
    BATCH_CANCELLED = "batch_cancelled"
    BATCH_RETRIED = "batch_retried"
    FONT_UPLOADED = "font_uploaded"
    FONT_DELETED = "font_deleted"
    ACCESS_REFUSED = "access_refused"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who acts, and from where.

    Args:
        principal: `domain.access.Principal.id`.
        principal_name: For people.
        peer: The caller's address as the server saw it, such as `ipv4:10.1.2.3:51234`.
        request_id: Finds the call in the server's log.
    """

    principal: str
    principal_name: str
    peer: str
    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One recorded action. `target` is the id of what it is about, such as a job, a batch or a key; `at` is UTC."""

    at: datetime
    origin: Origin
    action: Action
    workspace_id: str | None
    target: UUID | None
    detail: str
