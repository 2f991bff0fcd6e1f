"""For receivers of webhooks: tells whether a delivery is genuine, and what it says. Needs the standard library only.

Deliveries are signed as Standard Webhooks 1.0 says:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

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
    """A request is no genuine delivery, or too old to be taken for one: answer it with 400 and do nothing else."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a delivery says.

    Attributes:
        id: The same for every delivery of this event: whoever keeps the ids that were dealt with deals with each once.
        type: `job.pending`, `job.processing`, `job.completed`, `job.failed` or `job.cancelled`.
        timestamp: When it happened, aware.
        job_id: UUID of the job.
        workspace_id: Workspace of the job.
        sequence: Grows with every change of the job.
        status: `PENDING`, `PROCESSING`, `COMPLETED`, `FAILED` or `CANCELLED`.
        stage: What a PROCESSING job is busy with, such as `COMPOSING`; else empty.
        progress: Percent.
        message: For people.
        attempt: How often the job was begun.
        error_reason: Why it FAILED, for programs; else empty.
        error_message: Why it FAILED, for people; else empty.
        labels: Of the job.
        data: All that was said, also what newer services say besides.
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
    """Check that a request comes from the render service, unchanged and lately, and return what it says.

    Args:
        body: The request's body as it came, byte for byte.
        headers: Its headers, in any case.
        secrets: One or more of the workspace's secrets, as `RenderClient.webhook_secret` returns them.
        tolerance: By how many seconds the two clocks may differ, the time on the way included.

    Raises:
        InvalidDelivery: It is not, or not lately.
        ValueError: A secret is none.
    """
    found = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, timestamp, given = (found[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age = abs(time.time() - int(timestamp))
    except (KeyError, ValueError):
        raise InvalidDelivery(
            "the headers webhook-id, webhook-timestamp and webhook-signature are not all there"
        ) from None
    if age > tolerance:
        raise InvalidDelivery("the delivery is too old, or from the future")
    signed = f"{event_id}.{timestamp}.".encode() + body
    keys = [_key(secret) for secret in ((secrets,) if isinstance(secrets, str) else secrets)]
    expected = [hmac.digest(key, signed, "sha256") for key in keys]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(one, other) for one in _signatures(given) for other in expected]
    if not any(matches):
        raise InvalidDelivery("no signature is right")
    return _event(event_id, body)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("a secret is whsec_ and Base64")
    return key


def _signatures(header: str) -> list[bytes]:
    """Return the signatures of our version; there may be others."""
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
        told = json.loads(body)
        data = told["data"]
        return WebhookEvent(
            id=event_id,
            type=told["type"],
            timestamp=datetime.fromisoformat(told["timestamp"]),
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
        raise InvalidDelivery("the body is not that of a render service's delivery") from None
