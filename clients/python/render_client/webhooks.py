"""Verifies and parses webhook deliveries. Uses only the standard library.

Deliveries are signed according to Standard Webhooks 1.0:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_PREFIX = "whsec_"
_VERSION = "v1"


class InvalidDelivery(Exception):
    """The delivery is not authentic or too old: respond with 400 and discard it."""


@dataclass(frozen=True)
class WebhookEvent:
    """The event of a delivery.

    Attributes:
        id: The same for every delivery of this event; store handled ids to process each event once.
        type: `job.pending`, `job.processing`, `job.completed`, `job.failed` or `job.cancelled`.
        timestamp: When it happened; timezone-aware.
        job_id: UUID of the job.
        workspace_id: Workspace of the job.
        sequence: Increases with every change of the job.
        status: `PENDING`, `PROCESSING`, `COMPLETED`, `FAILED` or `CANCELLED`.
        stage: Stage of a PROCESSING job, such as `COMPOSING`; otherwise empty.
        progress: Percent, 0 to 100.
        message: Human-readable.
        attempt: Number of times the job was started.
        error_reason: Machine-readable reason of a FAILED job; otherwise empty.
        error_message: Human-readable reason of a FAILED job; otherwise empty.
        labels: Labels of the job.
        data: The complete payload, including fields added by newer services.
    """

    id: str
    type: str
    timestamp: datetime
    job_id: str
    workspace_id: str
    sequence: int
    status: str
    stage: str = ""
    progress: int = 0
    message: str = ""
    attempt: int = 0
    error_reason: str = ""
    error_message: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


def verify(
    body: bytes, headers: Mapping[str, str], secrets: str | Sequence[str], *, tolerance: float = 300.0
) -> WebhookEvent:
    """Verify the signature and age of a delivery, and return its event.

    Args:
        body: The raw request body, unmodified.
        headers: The request headers; names are case-insensitive.
        secrets: One or more of the workspace's secrets, as `RenderClient.webhook_secret` returns them.
        tolerance: Maximum difference in seconds between the timestamp and this machine's clock.

    Raises:
        InvalidDelivery: If the signature, the timestamp or the body is invalid.
        ValueError: If a secret is malformed.
    """
    found = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, timestamp, given = (found[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age = abs(time.time() - int(timestamp))
    except (KeyError, ValueError):
        raise InvalidDelivery("webhook-id, webhook-timestamp or webhook-signature is missing or malformed") from None
    if age > tolerance:
        raise InvalidDelivery("webhook-timestamp: too old, or in the future")
    signed = f"{event_id}.{timestamp}.".encode() + body
    keys = [_key(secret) for secret in ((secrets,) if isinstance(secrets, str) else secrets)]
    expected = [hmac.digest(key, signed, "sha256") for key in keys]
    # Every pair is compared, so that timing reveals nothing.
    matches = [hmac.compare_digest(one, other) for one in _signatures(given) for other in expected]
    if not any(matches):
        raise InvalidDelivery("webhook-signature: matches no secret")
    return _event(event_id, body)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("secret: must be whsec_ followed by Base64")
    return key


def _signatures(header: str) -> list[bytes]:
    """Return the signatures of the supported version and ignore others."""
    found = []
    for part in header.split():
        version, _, signature = part.partition(",")
        if version == _VERSION:
            try:
                found.append(base64.b64decode(signature, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def _event(event_id: str, body: bytes) -> WebhookEvent:
    try:
        payload = json.loads(body)
        data = payload["data"]
        return WebhookEvent(
            id=event_id,
            type=payload["type"],
            timestamp=datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00")),
            job_id=data["job_id"],
            workspace_id=data["workspace_id"],
            sequence=data["sequence"],
            status=data["status"],
            stage=data["stage"] or "",
            progress=data["progress"],
            message=data["message"],
            attempt=data["attempt"],
            error_reason=data["error_reason"] or "",
            error_message=data["error_message"] or "",
            labels=data["labels"],
            data=data,
        )
    except (ValueError, KeyError, TypeError):
        raise InvalidDelivery("body: not a delivery of the render service") from None
