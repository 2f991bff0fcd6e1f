"""Authenticates the caller of each call, before any other work is done for it."""

import asyncio
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from render_service.domain.access.access import EVERYBODY, Principal
from render_service.domain.access.audit import Origin
from render_service.domain.errors import DomainError, ErrorReason
from render_service.runtime.periodic import PeriodicTask
from render_service.server.auth.authenticator import Authenticator, credentials_invalid
from render_service.server.interceptors.base import Call, Release
from render_service.telemetry.logging import bind_log_fields

_CHECK_SECONDS = 3.0
_CALL: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """Return the current call, which is authenticated."""
    return _CALL.get()


def current_origin() -> Origin:
    """Return the principal of the current call, and its peer address."""
    origin = origin_of(_CALL.get())
    assert origin is not None, "the current call is authenticated"
    return origin


def origin_of(call: Call) -> Origin | None:
    """Return the principal of a call, and its peer address; None if the call is not authenticated."""
    principal = call.principal
    return Origin(principal.id, principal.name, call.context.peer(), call.id) if principal is not None else None


@dataclass(slots=True)
class _Session:
    """The open streams of one caller with the same credentials."""

    authorization: str
    auth_context: Mapping[str, Iterable[bytes]]
    principal: Principal
    calls: dict["asyncio.Task[object]", Call] = field(default_factory=dict)


class Authentication:
    """Authenticates the caller of each call, except for methods without authentication.

    Open streams are checked again every few seconds: those whose credentials were revoked or have expired are ended.

    Args:
        authenticator: Authenticates callers; None admits everyone, for development on one machine.
        is_open: Returns whether a method needs no credentials.
    """

    def __init__(self, authenticator: Authenticator | None, is_open: "IsOpen") -> None:
        self._authenticator = authenticator
        self._is_open = is_open
        self._sessions: dict[tuple[str, str, Principal], _Session] = {}
        self._task = PeriodicTask("session checks", interval_seconds=_CHECK_SECONDS)

    async def run(self) -> None:
        """Check the credentials of open streams until cancelled."""
        await self._task.run(self._check_sessions)

    async def admit(self, call: Call) -> Release | None:
        """Authenticate the caller.

        Raises:
            DomainError: CREDENTIALS_INVALID, or STORE_UNAVAILABLE.
        """
        principal, release = EVERYBODY, None
        if self._authenticator is not None and not self._is_open(call.method):
            authorization = _authorization(call)
            # With a token, the certificate of the connection does not matter.
            auth_context = {} if authorization else call.context.auth_context()
            principal = await self._authenticator.principal(authorization, auth_context)
            if call.streaming:
                release = self._open_stream(call, authorization, auth_context, principal)
            bind_log_fields(principal=principal.id)
        call.principal = principal
        _CALL.set(call)
        return release

    def _open_stream(
        self, call: Call, authorization: str, auth_context: Mapping[str, Iterable[bytes]], principal: Principal
    ) -> Release:
        task = asyncio.current_task()
        assert task is not None, "calls are handled in tasks"
        key = (authorization, "" if authorization else call.context.peer(), principal)
        session = self._sessions.setdefault(key, _Session(authorization, auth_context, principal))
        session.calls[task] = call
        return partial(self._close_stream, key, task)

    def _close_stream(self, key: tuple[str, str, Principal], task: "asyncio.Task[object]") -> None:
        session = self._sessions[key]
        del session.calls[task]
        if not session.calls:
            del self._sessions[key]

    async def _check_sessions(self) -> None:
        for session in list(self._sessions.values()):
            if not await self._is_valid(session):
                for task, call in list(session.calls.items()):
                    call.revoked = True
                    task.cancel()

    async def _is_valid(self, session: _Session) -> bool:
        assert self._authenticator is not None, "without it there are no sessions"
        try:
            principal = await self._authenticator.principal(session.authorization, session.auth_context)
        except DomainError as error:
            # Streams continue while credentials cannot be checked.
            return error.reason is not ErrorReason.CREDENTIALS_INVALID
        return principal == session.principal


def _authorization(call: Call) -> str:
    """Return the metadata `authorization`, empty where there is none.

    Raises:
        DomainError: CREDENTIALS_INVALID, where there is more than one: it would be ambiguous.
    """
    if len(call.authorization) > 1:
        raise credentials_invalid()
    return call.authorization[0] if call.authorization else ""


class IsOpen(Protocol):
    """Returns whether a method needs no credentials."""

    def __call__(self, method: str, /) -> bool:
        """Answer for a full method name."""
        ...
