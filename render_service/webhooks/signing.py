"""Signatures according to Standard Webhooks 1.0, with secrets that are derived and stored nowhere.

See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, “Signature scheme”.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence

_PREFIX = "whsec_"
# Binds derived secrets to their purpose; another purpose gives other secrets.
_PURPOSE = b"render-service webhook secret v1\0"


def secrets_of(workspace_id: str, keys: Sequence[bytes]) -> tuple[str, ...]:
    """Return the secrets of a workspace, one for each of the service's keys.

    Args:
        workspace_id: The workspace.
        keys: At least 32 random bytes each, which need no extraction before expansion (RFC 5869, section 3.3).

    Returns:
        `whsec_` and base64 of 32 bytes each, in the order of the keys.
    """
    return tuple(
        _PREFIX + base64.b64encode(hmac.digest(key, _PURPOSE + workspace_id.encode(), "sha256")).decode()
        for key in keys
    )


def signed_headers(event_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> Mapping[str, str]:
    """Return the headers that authenticate a request.

    Args:
        event_id: The event's id; contains no full stop.
        timestamp: Time of this attempt, in seconds since the epoch.
        body: The request's body, byte for byte.
        secrets: The workspace's secrets; each gives one signature.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix(_PREFIX)), signed, "sha256")).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
