"""Records calls that were refused for their credentials: a metric, and bounded lines in the log and the audit trail."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import unquote
from uuid import UUID

from render_service.db.access.audit_log import AuditLog
from render_service.db.database import DatabaseUnavailable
from render_service.domain.access.audit import Action, AuditEntry, Origin
from render_service.domain.errors import ErrorReason
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import CALLS_REFUSED

_log = get_logger(__name__)
ACCESS_REASONS = frozenset(
    {ErrorReason.CREDENTIALS_INVALID, ErrorReason.WORKSPACE_FORBIDDEN, ErrorReason.WRITE_FORBIDDEN}
)
"""Reasons that refuse a call for its credentials."""
WINDOW_SECONDS = 600.0
MAX_PER_SOURCE = 20
"""How many refusals of one principal, or one address without a principal, are recorded within a window."""
MAX_PER_WINDOW = 1_000
"""How many refusals are recorded within a window in total: addresses cost an attacker little."""
_UNKNOWN = "unauthenticated"
_FLUSH_SECONDS = 1.0


class RefusalRecorder:
    """Counts every refused call, and records it in the log and the audit trail within limits.

    In a window of `WINDOW_SECONDS`, a refusal is recorded once for each source, method, reason and workspace, and at
    most `MAX_PER_SOURCE` and `MAX_PER_WINDOW` times: callers without credentials must not be able to fill a disk.

    Args:
        audit_log: Where entries are written, in the background: a refusal waits for no store.
    """

    def __init__(self, audit_log: AuditLog) -> None:
        self._audit_log = audit_log
        self._task = PeriodicTask("refusals", interval_seconds=_FLUSH_SECONDS)
        self._window_began = time.monotonic()
        self._seen: set[tuple[str, ...]] = set()
        self._per_source: Counter[str] = Counter()
        self._omitted = 0
        self._pending: list[AuditEntry] = []
        self._writing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    def record(
        self, reason: ErrorReason, *, method: str, workspace_id: str, peer: str, origin: Origin | None, request_id: UUID
    ) -> None:
        """Record a refused call.

        Args:
            reason: One of `ACCESS_REASONS`.
            method: The full name of an RPC that the server has.
            workspace_id: The workspace that the call names; empty if it is unknown or malformed.
            peer: The address of the caller, as gRPC writes it.
            origin: The authenticated caller; None if its credentials were refused.
            request_id: The id of the call in the log.
        """
        CALLS_REFUSED.labels(reason).inc()
        self._roll_window()
        source = origin.principal if origin is not None else address_of(peer)
        key = (source, method, reason, workspace_id)
        full = len(self._seen) >= MAX_PER_WINDOW or self._per_source[source] >= MAX_PER_SOURCE
        if key in self._seen or full:
            self._omitted += 1
            return
        self._seen.add(key)
        self._per_source[source] += 1
        origin = origin or Origin(_UNKNOWN, _UNKNOWN, peer, request_id)
        _log.warning(
            "access refused", reason=reason, principal=origin.principal, peer=peer, workspace_id=workspace_id or None
        )
        detail = f"{reason} {method.rpartition('/')[2]}"
        self._pending.append(
            AuditEntry(datetime.now(UTC), origin, Action.ACCESS_REFUSED, workspace_id or None, None, detail)
        )
        self._task.nudge()

    async def run(self) -> None:
        """Write pending audit entries until cancelled."""
        await self._task.run(self._flush)

    async def close(self) -> None:
        """Write the entries that are pending, if Postgres is available."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        with suppress(DatabaseUnavailable):
            await self._flush()

    async def _flush(self) -> None:
        # Not cancelled with its caller: nobody would know whether the entries were written, and they would be again.
        self._writing = asyncio.create_task(self._write())
        await asyncio.shield(self._writing)

    async def _write(self) -> None:
        # `close` may come while `run` writes: the same entries would be written twice.
        async with self._lock:
            entries = list(self._pending)
            if entries:
                await self._audit_log.record_entries(entries)
                del self._pending[: len(entries)]

    def _roll_window(self) -> None:
        now = time.monotonic()
        if now - self._window_began < WINDOW_SECONDS:
            return
        if self._omitted:
            _log.warning("refused calls were not logged", count=self._omitted, window_seconds=WINDOW_SECONDS)
        self._window_began, self._omitted = now, 0
        self._seen.clear()
        self._per_source.clear()
        # While Postgres is away, entries wait here; bounded by one window's.
        del self._pending[:-MAX_PER_WINDOW]


def address_of(peer: str) -> str:
    """Return the network that a peer can choose addresses from: an IPv4 address, or the /64 of an IPv6 address.

    Args:
        peer: As gRPC writes it: `ipv4:10.1.2.3:51234`, `ipv6:%5B2001:db8::1%5D:51234` or `unix:`.
    """
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return kind
    try:
        address = ip_address(unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0])
    except ValueError:
        return kind
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)
