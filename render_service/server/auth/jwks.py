"""Public keys of a signer: fetched on demand, cached, and fetched again after a rotation."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt

from render_service.domain.errors import DomainError, ErrorReason
from render_service.fetch.policy import FetchPolicy
from render_service.fetch.transport import GuardedTransport
from render_service.server.tls.loopback import is_loopback
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_MAX_BYTES = 256 * 1024
_TIMEOUT_SECONDS = 3.0


class KeySet:
    """The keys that a signer publishes as a JSON Web Key Set (RFC 7517).

    Args:
        url: URL of the key set. Only its host is contacted; it may be inside the network.
        signer: The signer, for messages.
        fresh_seconds: How long a set is used before it is fetched again.
        stale_seconds: How long it is used at most while it cannot be fetched again.
        pause_seconds: Shortest time between two fetches, however many unknown keys callers use.
    """

    def __init__(
        self,
        url: str,
        *,
        signer: str = "the tokens' issuer",
        fresh_seconds: float = 300.0,
        stale_seconds: float = 86_400.0,
        pause_seconds: float = 5.0,
    ) -> None:
        self._url = httpx.URL(url)
        self._signer = signer
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._pause_seconds = pause_seconds
        self._keys: list[jwt.PyJWK] = []
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._refreshing: asyncio.Task[None] | None = None
        policy = FetchPolicy(
            allow_http=is_loopback(self._url.host),
            allow_private=True,
            allowed_hosts=frozenset({self._url.raw_host.decode("ascii").lower()}),
        )
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(policy), trust_env=False, timeout=_TIMEOUT_SECONDS, follow_redirects=False
        )

    async def close(self) -> None:
        """Close the connections and cancel a running fetch."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await self._client.aclose()

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return a key; None where the signer has no such key.

        Args:
            key_id: The `kid` of a token.

        Raises:
            DomainError: STORE_UNAVAILABLE, if no keys are available.
        """
        return await self.first(lambda key: key.key_id == key_id)

    async def first(self, fits: Callable[[jwt.PyJWK], bool]) -> jwt.PyJWK | None:
        """Return the first key that matches; None if none does, even in a newly fetched set.

        A known key is returned at once, and an old set is refreshed in the background; only an unknown key waits for a
        fetch, of which there is one at a time.

        Raises:
            DomainError: STORE_UNAVAILABLE, if no keys are available.
        """
        found = self._among(fits)
        usable = self._age(self._fetched_at) < self._stale_seconds
        if found is not None and usable:
            if self._age(self._fetched_at) >= self._fresh_seconds:
                self._start_refresh()
            return found
        if (refresh := self._start_refresh()) is not None:
            # Shielded: a cancelled caller must not cancel the fetch that others wait for.
            await asyncio.shield(refresh)
        if self._age(self._fetched_at) >= self._stale_seconds:
            raise DomainError(
                ErrorReason.STORE_UNAVAILABLE,
                f"the keys of {self._signer} cannot be had now; try again",
                {"store": "jwks"},
                retry_after_seconds=self._pause_seconds,
            )
        return self._among(fits)

    def _start_refresh(self) -> "asyncio.Task[None] | None":
        """Return the running fetch, or start one; None if the last one was too recent."""
        if self._refreshing is None or self._refreshing.done():
            if self._age(self._tried_at) < self._pause_seconds:
                return None
            self._tried_at = time.monotonic()
            self._refreshing = asyncio.create_task(self._refresh())
        return self._refreshing

    def _among(self, fits: Callable[[jwt.PyJWK], bool]) -> jwt.PyJWK | None:
        return next((key for key in self._keys if fits(key)), None)

    async def _refresh(self) -> None:
        try:
            keys = _usable(await self._fetch())
        except (httpx.HTTPError, ValueError, TimeoutError, OSError) as error:
            _log.warning(f"cannot fetch the keys of {self._signer}", error=type(error).__name__)
            return
        self._keys = keys
        self._fetched_at = time.monotonic()
        _log.info(f"fetched the keys of {self._signer}", keys=[key.key_id for key in keys])

    async def _fetch(self) -> dict[str, Any]:
        body = bytearray()
        async with asyncio.timeout(_TIMEOUT_SECONDS), self._client.stream("GET", self._url) as response:
            if response.status_code != 200:
                raise ValueError(f"status {response.status_code}")
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _MAX_BYTES:
                    raise ValueError("too large")
        parsed = httpx.Response(200, content=bytes(body)).json()
        if not isinstance(parsed, dict):
            raise ValueError("no JSON object")  # noqa: TRY004 - whatever was sent, it is one kind of fault
        return parsed

    @staticmethod
    def _age(since: float | None) -> float:
        return time.monotonic() - since if since is not None else float("inf")


def _usable(key_set: dict[str, Any]) -> list[jwt.PyJWK]:
    """Return the keys that can verify; unsupported ones, perhaps of a later standard, are skipped."""
    found = []
    entries = key_set.get("keys")
    for entry in entries if isinstance(entries, list) else ():
        # A symmetric key in a published set would let anyone sign.
        if not isinstance(entry, dict) or entry.get("kty") == "oct" or entry.get("use", "sig") != "sig":
            continue
        # RFC 7517, 4.3: the operations that a key is for.
        operations = entry.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            continue
        try:
            found.append(jwt.PyJWK.from_dict(entry))
        except (jwt.PyJWTError, ValueError):
            continue
    if not found:
        raise ValueError("no usable key")
    return found
