"""Finds out who makes each call, before anything else is done for it."""

from contextvars import ContextVar
from typing import Protocol
from uuid import UUID

import structlog

from render_service.domain.access.access import EVERYBODY, Principal
from render_service.domain.access.audit import Origin
from render_service.server.auth.authenticator import Authenticator
from render_service.server.interceptors.base import Call

_PRINCIPAL: ContextVar[Principal] = ContextVar("principal")
_ORIGIN: ContextVar[Origin] = ContextVar("origin")


def current_principal() -> Principal:
    """Return who makes the call that is being handled."""
    return _PRINCIPAL.get()


def current_origin() -> Origin:
    """Return who makes the call that is being handled, and from where."""
    return _ORIGIN.get()


class Authentication:
    """Finds out who makes each call; those that are open to all are not asked.

    Args:
        authenticator: Knows callers; None takes everybody for granted, for development on one machine.
        is_open: Tells whether a method is open to all.
    """

    def __init__(self, authenticator: Authenticator | None, is_open: "IsOpen") -> None:
        self._authenticator = authenticator
        self._is_open = is_open

    async def admit(self, call: Call) -> None:
        """Note who calls."""
        principal = EVERYBODY
        if self._authenticator is not None and not self._is_open(call.method):
            authorization = call.metadata.get("authorization", "")
            principal = await self._authenticator.principal(authorization, call.context.auth_context())
            structlog.contextvars.bind_contextvars(principal=principal.id)
        _PRINCIPAL.set(principal)
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        _ORIGIN.set(Origin(principal.id, principal.name, call.context.peer(), UUID(request_id) if request_id else None))


class IsOpen(Protocol):
    """Tells whether a method is open to all."""

    def __call__(self, method: str, /) -> bool:
        """Answer for a full method name."""
        ...
