"""JSON Web Tokens: from a signed token to the principal that its issuer vouches for."""

import re
from datetime import timedelta
from typing import Any

import jwt

from render_service.domain.access.access import Access, Principal, is_workspace_id
from render_service.server.auth.jwks import KeySet

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)  # it is written to logs and records
# Never `none`, never a symmetric one: the issuer's key is public.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY = timedelta(seconds=30)
_MAX_WORKSPACES = 1_000


class JwtReader:
    """Finds the principal of a JSON Web Token (RFC 7519).

    A token must be signed by a key of the issuer, have `exp`, `iss`, `aud` and `sub`, and be within its time, give or
    take half a minute for clocks that differ.

    Args:
        keys: The issuer's.
        issuer: The `iss` that tokens must have.
        audience: The `aud` that tokens must have.
        workspaces_claim: The claim that names the workspaces: a list of texts, or words in one text.
        write_scope: The word in `scope` or `scp` that allows changes.
    """

    def __init__(self, keys: KeySet, *, issuer: str, audience: str, workspaces_claim: str, write_scope: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._workspaces_claim = workspaces_claim
        self._write_scope = write_scope

    def recognises(self, token: str) -> bool:
        """Whether a text has the form of a signed token."""
        return _FORM.fullmatch(token) is not None

    async def principal(self, token: str) -> Principal | None:
        """Return the principal; None if the token is invalid.

        Raises:
            DomainError: STORE_UNAVAILABLE, if the issuer's keys are not available.
        """
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return None
        key_id = header.get("kid")
        if not isinstance(key_id, str) or header.get("alg") not in _ALGORITHMS:
            return None
        key = await self._keys.find(key_id)
        if key is None:
            return None
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        return self._principal(claims) if _SUBJECT.fullmatch(claims["sub"]) else None

    def _principal(self, claims: dict[str, Any]) -> Principal:
        scopes = _words(claims.get("scope")) | _words(claims.get("scp"))
        workspaces = _words(claims.get(self._workspaces_claim))
        subject = claims["sub"]
        return Principal(
            id=f"jwt:{self._issuer}#{subject}",
            name=subject,
            workspaces=frozenset(word for word in workspaces if is_workspace_id(word)),
            access=Access.WRITE if self._write_scope in scopes else Access.READ,
        )


def _words(claim: object) -> frozenset[str]:
    if isinstance(claim, str):
        claim = claim.split()
    if not isinstance(claim, list):
        return frozenset()
    return frozenset(word for word in claim[:_MAX_WORKSPACES] if isinstance(word, str))
