"""Authentication: from the credentials of a call to a principal."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from render_service.db.access.api_keys import ApiKey, ApiKeys, key_hash, looks_like_key
from render_service.db.database import DatabaseUnavailable
from render_service.domain.access.access import Principal
from render_service.domain.errors import DomainError, ErrorReason
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
# With the interval of session checks, less than the 10 s within which a revoked key ends its calls.
_REMEMBER_SECONDS = 4.0
_REMEMBER_AT_MOST = 1_000


class TokenReader(Protocol):
    """Finds the principal of a bearer token of one kind."""

    def recognises(self, token: str) -> bool:
        """Whether a token has the form of this kind."""
        ...

    def principal(self, token: str) -> Awaitable[Principal | None]:
        """Return the principal; None if the token is not, or no longer, valid.

        Raises:
            DomainError: STORE_UNAVAILABLE.
        """
        ...


class CertificateReader(Protocol):
    """Finds the principal of a client certificate that TLS has verified."""

    def principal(self, auth_context: Mapping[str, Iterable[bytes]]) -> Principal | None:
        """Return the principal; None if there is no certificate, or its subject is unknown."""
        ...


class KeyReader:
    """Finds the principal of an API key, remembers it for a few seconds, and records now and then which were used.

    Args:
        keys: The keys in Postgres.
        record_seconds: The time between two records.
    """

    def __init__(self, keys: ApiKeys, *, record_seconds: float = 30.0) -> None:
        self._keys = keys
        self._task = PeriodicTask("key usage", interval_seconds=record_seconds)
        self._known: OrderedDict[bytes, tuple[float, ApiKey]] = OrderedDict()
        self._used: dict[UUID, datetime] = {}

    def recognises(self, token: str) -> bool:
        """Whether a token has the form of an API key."""
        return looks_like_key(token)

    async def principal(self, token: str) -> Principal | None:
        """Return the principal of a key; None if it is unknown, expired or, for some seconds at least, revoked.

        Raises:
            DomainError: STORE_UNAVAILABLE.
        """
        # The cache's age by a monotonic clock: a clock that is set back must not keep a revoked key valid.
        digest, started = key_hash(token), time.monotonic()
        read_at, key = self._known.get(digest, (float("-inf"), None))
        if started - read_at >= _REMEMBER_SECONDS:
            key = await self._keys.find(token)
            self._remember(digest, started, key)
        now = datetime.now(UTC)
        if key is None or not key.works_at(now):
            return None
        self._used[key.id] = now
        return key.principal

    async def run(self) -> None:
        """Record which keys were used until cancelled."""
        await self._task.run(self.record)

    async def record(self) -> None:
        """Record which keys were used since the last time; if Postgres is unavailable, the next run records them."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._keys.note_used(used)
        except DatabaseUnavailable:
            self._used = used | self._used
            _log.debug("cannot record which keys were used: the database is away")

    def _remember(self, digest: bytes, read_at: float, key: ApiKey | None) -> None:
        self._known.pop(digest, None)
        if key is not None:
            self._known[digest] = (read_at, key)
            if len(self._known) > _REMEMBER_AT_MOST:
                self._known.popitem(last=False)


class Authenticator:
    """Authenticates callers. A bearer token takes precedence over the client certificate of the connection.

    Args:
        tokens: Authenticate bearer tokens, one for each kind.
        certificates: Authenticates client certificates; None if they are not accepted.
    """

    def __init__(self, tokens: Sequence[TokenReader], certificates: CertificateReader | None = None) -> None:
        self._tokens = tuple(tokens)
        self._certificates = certificates

    async def principal(self, authorization: str, auth_context: Mapping[str, Iterable[bytes]]) -> Principal:
        """Return the principal of a call.

        Args:
            authorization: The metadata `authorization`, empty if there is none.
            auth_context: The transport's properties of the peer.

        Raises:
            DomainError: CREDENTIALS_INVALID, or STORE_UNAVAILABLE.
        """
        principal = None
        if authorization:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() == "bearer":
                for reader in self._tokens:
                    if reader.recognises(token):
                        principal = await reader.principal(token)
                        break
        elif self._certificates is not None:
            principal = self._certificates.principal(auth_context)
        if principal is None:
            raise credentials_invalid()
        return principal


def credentials_invalid() -> DomainError:
    """Return the error of a call without valid credentials, or whose credentials were revoked or have expired."""
    return DomainError(
        ErrorReason.CREDENTIALS_INVALID,
        "send the metadata `authorization: Bearer …` once, with a valid key or token, or a known client certificate",
        {"scheme": "bearer"},
    )
