"""Enforces workspaces' quotas: calls and watches at this server, jobs and bytes in total."""

import asyncio
import time
from collections import Counter, OrderedDict
from functools import partial

from render_service.db.access.quotas import Limits, WorkspaceQuotas
from render_service.db.database import DatabaseUnavailable
from render_service.domain.access.quota import QuotaName, Quotas, quota_exceeded
from render_service.server.interceptors.authorization import workspace_of
from render_service.server.interceptors.base import Call, Release
from render_service.server.interceptors.watches import WATCHES
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_FRESH_SECONDS = 5.0
_BUCKETS = 10_000
_RETRY_SECONDS = 5.0
_NEVER_RETRY_SECONDS = 60.0


class QuotaCache:
    """Caches the quotas of every workspace; those that differ from the configured ones are read every few seconds.

    Args:
        stored: The quotas in Postgres.
        configured: The quotas of all other workspaces.
    """

    def __init__(self, stored: WorkspaceQuotas, configured: Quotas) -> None:
        self._stored = stored
        self._configured = configured
        self._own: dict[str, Limits] = {}
        self._read_at = float("-inf")
        self._turn = asyncio.Lock()

    async def of(self, workspace_id: str) -> Quotas:
        """Return the quotas of a workspace; the cached ones if Postgres is unavailable."""
        if time.monotonic() - self._read_at >= _FRESH_SECONDS and not self._turn.locked():
            async with self._turn:
                try:
                    self._own = await self._stored.all()
                except DatabaseUnavailable:
                    _log.debug("cannot read quotas: the database is away")
                self._read_at = time.monotonic()
        return self._configured.overridden_by(self._own.get(workspace_id, {}))


class _Bucket:
    """A token bucket that holds up to one second's tokens; every call takes one."""

    __slots__ = ("_at", "_tokens")

    def __init__(self, rate: int) -> None:
        self._tokens = float(rate)
        self._at = time.monotonic()

    def take(self, rate: int) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        now = time.monotonic()
        self._tokens = min(float(rate), self._tokens + (now - self._at) * rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / rate if rate else _NEVER_RETRY_SECONDS


class QuotaInterceptor:
    """Refuses calls and watches beyond a workspace's quota at this server.

    Args:
        book: The quotas.
    """

    def __init__(self, book: QuotaCache) -> None:
        self._book = book
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._watchers: Counter[str] = Counter()

    async def admit(self, call: Call) -> Release | None:
        """Count a call, and a watch for as long as it is open."""
        workspace_id = workspace_of(call)
        if not workspace_id:
            return None
        quotas = await self._book.of(workspace_id)
        if quotas.requests_per_second is not None:
            self._count_call(workspace_id, quotas.requests_per_second)
        if call.method not in WATCHES:
            return None
        if quotas.watchers is not None and self._watchers[workspace_id] >= quotas.watchers:
            raise quota_exceeded(QuotaName.WATCHERS, quotas.watchers, retry_after_seconds=_RETRY_SECONDS)
        self._watchers[workspace_id] += 1
        return partial(self._leave, workspace_id)

    def _leave(self, workspace_id: str) -> None:
        self._watchers[workspace_id] -= 1
        if not self._watchers[workspace_id]:
            del self._watchers[workspace_id]

    def _count_call(self, workspace_id: str, rate: int) -> None:
        bucket = self._buckets.get(workspace_id)
        if bucket is None:
            bucket = self._buckets[workspace_id] = _Bucket(rate)
            if len(self._buckets) > _BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(workspace_id)
        seconds = bucket.take(rate)
        if seconds:
            raise quota_exceeded(QuotaName.REQUESTS_PER_SECOND, rate, retry_after_seconds=seconds)
