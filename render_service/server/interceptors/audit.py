"""Writes the audit log for the calls of this server."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from uuid import UUID

from render_service.db.access.audit_log import AuditLog
from render_service.domain.access.audit import Action
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
        new = {job_id: name for job_id, name in files.items() if (origin.principal, job_id) not in self._returned}
        if not new:
            return
        await self._log.record_all(origin, Action.FILE_URL_RETURNED, workspace_id=workspace_id, targets=new)
        self._returned |= {(origin.principal, job_id): now for job_id in new}
        while len(self._returned) > _MAX_RETURNED:
            self._returned.popitem(last=False)
