"""Who calls, and into which workspaces that caller may."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from render_service.db.api_keys import ApiKeys, Principal
from render_service.domain.errors import DomainError, ErrorReason
from render_service.server.interceptor import Call, CallInterceptor

_OPEN_PREFIXES = ("/grpc.health.v1.Health/", "/grpc.reflection.")
_REMEMBER_SECONDS = 10.0
_REMEMBER_AT_MOST = 1_000


class Authenticator:
    """Finds the principal of an API key, and remembers it for a few seconds.

    Args:
        keys: The keys in Postgres.
    """

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    async def principal(self, authorization: str) -> Principal:
        """Return who calls.

        Args:
            authorization: The metadata `authorization`: `Bearer KEY`.

        Raises:
            DomainError: CREDENTIALS_INVALID, or STORE_UNAVAILABLE.
        """
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise _refusal()
        now = time.monotonic()
        found = self._known.get(key)
        if found is not None and found[0] > now:
            return found[1]
        principal = await self._keys.find(key)
        if principal is None:
            self._known.pop(key, None)
            raise _refusal()
        self._known[key] = (now + _REMEMBER_SECONDS, principal)
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBER_AT_MOST:
            self._known.popitem(last=False)
        return principal


class AuthInterceptor(CallInterceptor):
    """Lets a call pass only with credentials that open the workspace it names.

    Args:
        authenticator: Knows the keys; None lets everybody pass, for development on one machine.
    """

    def __init__(self, authenticator: Authenticator | None) -> None:
        self._authenticator = authenticator

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Admit a call or refuse it; health and reflection are open to all."""
        if self._authenticator is not None and not call.method.startswith(_OPEN_PREFIXES):
            principal = await self._authenticator.principal(call.metadata.get("authorization", ""))
            structlog.contextvars.bind_contextvars(principal=principal.name)
            workspace_id = getattr(call.request, "workspace_id", "")
            if workspace_id and workspace_id not in principal.workspaces:
                raise DomainError(
                    ErrorReason.WORKSPACE_FORBIDDEN,
                    "these credentials do not open this workspace",
                    {"workspace_id": workspace_id},
                )
        yield


def _refusal() -> DomainError:
    return DomainError(
        ErrorReason.CREDENTIALS_INVALID,
        "send the metadata `authorization: Bearer KEY` with a valid API key",
        {"scheme": "bearer"},
    )
