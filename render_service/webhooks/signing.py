"""Signatures as Standard Webhooks 1.0 has them, by secrets that are derived and stored nowhere.

See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, “Signature scheme”.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence

_PREFIX = "whsec_"
# Ties what is derived to its purpose; another one gives other secrets.
_PURPOSE = b"render-service webhook secret v1\0"


def secrets_of(workspace_id: str, keys: Sequence[bytes]) -> tuple[str, ...]:
    """Return the secrets of a workspace, one for each of the service's keys.

    Args:
        workspace_id: Whose.
        keys: At least 32 random bytes each; such need no extraction before they are expanded (RFC 5869, section 3.3).

    Returns:
        `whsec_` and base64 of 32 bytes each, in the order of the keys.
    """
    return tuple(
        _PREFIX + base64.b64encode(hmac.digest(key, _PURPOSE + workspace_id.encode(), "sha256")).decode()
        for key in keys
    )


def signed_headers(event_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> Mapping[str, str]:
    """Return the headers that prove who sends a body.

    Args:
        event_id: Names the event; holds no full stop.
        timestamp: Of this try, in seconds since the epoch.
        body: As it is sent, byte for byte.
        secrets: Of the workspace; there is a signature by each.
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
