"""Writes the audit log for the calls of this server."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from uuid import UUID

from render_service.db.access.audit_log import AuditLog
from render_service.domain.access.audit import Action, Origin
from render_service.server.interceptors.authentication import current_origin

_RETURNED_SECONDS = 600.0
_MAX_RETURNED = 10_000


class AuditRecorder:
    """Records what a caller does, before it takes effect: an entry may be superfluous, but none is missing.

    Starts of jobs are recorded together with the job instead.

    Args:
        log: The audit log.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._returned: OrderedDict[tuple[str, UUID], float] = OrderedDict()
        self._recording: dict[tuple[str, UUID], asyncio.Future[None]] = {}

    async def record(self, action: Action, workspace_id: str, target: UUID | None, *, detail: str = "") -> None:
        """Record what the current call is about to do.

        Raises:
            DomainError: STORE_UNAVAILABLE; do not perform the action then.
        """
        await self._log.record(current_origin(), action, workspace_id=workspace_id, target=target, detail=detail)

    async def record_returned_urls(self, workspace_id: str, files: Mapping[UUID, str]) -> None:
        """Record that the response of the current call contains URLs of files.

        Callers poll jobs: a caller that received the same job's URLs within the last minutes adds no new entry.

        Args:
            workspace_id: The jobs'.
            files: The name of the file, by job.

        Raises:
            DomainError: STORE_UNAVAILABLE; do not return the URLs then.
        """
        origin, now = current_origin(), time.monotonic()
        while self._returned and next(iter(self._returned.values())) < now - _RETURNED_SECONDS:
            self._returned.popitem(last=False)
        # Many watchers of one caller receive the same URL in the same moment: the first one records it.
        while under_way := [self._recording[key] for key in self._new(origin, files) if key in self._recording]:
            await asyncio.wait(under_way)
        keys = self._new(origin, files)
        if not keys:
            return
        recorded = asyncio.get_running_loop().create_future()
        self._recording |= dict.fromkeys(keys, recorded)
        try:
            targets = {job_id: files[job_id] for _, job_id in keys}
            await self._log.record_all(origin, Action.FILE_URL_RETURNED, workspace_id=workspace_id, targets=targets)
            self._returned |= dict.fromkeys(keys, now)
        finally:
            for key in keys:
                del self._recording[key]
            recorded.set_result(None)
        while len(self._returned) > _MAX_RETURNED:
            self._returned.popitem(last=False)

    def _new(self, origin: Origin, files: Mapping[UUID, str]) -> list[tuple[str, UUID]]:
        keys = [(origin.principal, job_id) for job_id in files]
        return [key for key in keys if key not in self._returned]
