"""Verifies the signatures of providers' callbacks, and that they are recent."""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from typing import Protocol

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from render_service.server.auth.jwks import KeySet

_TOLERANCE_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_FAL_HEADERS = ("x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp")
_MAX_SIGNATURES = 10


class SignatureCheck(Protocol):
    """Verifies the signatures of one provider."""

    async def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether a callback is from the provider, and recent.

        Args:
            headers: By their names in lower case.
            body: As received.

        Raises:
            DomainError: STORE_UNAVAILABLE: the signature cannot be verified now.
        """
        ...


class FalSignatures:
    """Verifies callbacks that fal signs with Ed25519 under one of its published keys.

    Source: https://docs.fal.ai/model-apis/model-endpoints/webhooks . The key is not named; any published one may
    match. fal signs for all its customers with the same keys, and does not sign the URL.

    Args:
        keys: fal's.
    """

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether a callback is from fal."""
        request_id, user_id, timestamp = (headers.get(name, "") for name in _FAL_HEADERS)
        if not request_id or not user_id or not _is_fresh(timestamp):
            return False
        try:
            signature = bytes.fromhex(headers.get("x-fal-webhook-signature", ""))
        except ValueError:
            return False
        if len(signature) != 64:
            return False
        signed = "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest())).encode("latin-1")

        def fits(key: jwt.PyJWK) -> bool:
            if not isinstance(key.key, Ed25519PublicKey):
                return False
            try:
                key.key.verify(signature, signed)
            except InvalidSignature:
                return False
            return True

        return await self._keys.first(fits) is not None


class StandardSignatures:
    """Verifies callbacks signed as Standard Webhooks specify: HMAC-SHA256 over id, time and body under a shared secret.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Args:
        key: The bytes of the secret.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    async def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether a callback is signed with the secret."""
        message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not message_id or not _is_fresh(timestamp):
            return False
        signed = b".".join((message_id.encode("latin-1"), timestamp.encode("ascii"), body))
        expected = hmac.digest(self._key, signed, "sha256")
        given = headers.get("webhook-signature", "").split(" ")[:_MAX_SIGNATURES]
        return any(hmac.compare_digest(_decoded(one), expected) for one in given)


def _is_fresh(timestamp: str) -> bool:
    """Whether a time in seconds since 1970 is within five minutes of now."""
    return bool(_TIMESTAMP.fullmatch(timestamp)) and abs(time.time() - int(timestamp)) <= _TOLERANCE_SECONDS


def _decoded(signature: str) -> bytes:
    version, _, value = signature.partition(",")
    try:
        return base64.b64decode(value, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""
