"""Writes the audit trail for the calls of this server."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from uuid import UUID

from render_service.db.access.audit_log import AuditLog
from render_service.domain.access.audit import Action
from render_service.server.interceptors.authentication import current_origin

_TOLD_SECONDS = 600.0
_REMEMBERED = 10_000


class Auditor:
    """Writes down what a caller does, before it takes effect: there may be an entry too many, but none is missing.

    Starts of jobs are not written here but together with the job.

    Args:
        log: The audit trail.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._told: OrderedDict[tuple[str, UUID], float] = OrderedDict()

    async def note(self, action: Action, workspace_id: str, target: UUID | None, *, detail: str = "") -> None:
        """Write down what the call that is being handled is about to do.

        Raises:
            DomainError: STORE_UNAVAILABLE; the action must then not be done.
        """
        await self._log.record(current_origin(), action, workspace_id=workspace_id, target=target, detail=detail)

    async def note_told_addresses(self, workspace_id: str, files: Mapping[UUID, str]) -> None:
        """Write down that the answer to the call that is being handled tells addresses of files.

        Callers ask for a job again and again: who was told of the same job within the last minutes leaves no new entry.

        Args:
            workspace_id: The jobs'.
            files: The name of the file, by job.

        Raises:
            DomainError: STORE_UNAVAILABLE; the addresses must then not be told.
        """
        origin, now = current_origin(), time.monotonic()
        while self._told and next(iter(self._told.values())) < now - _TOLD_SECONDS:
            self._told.popitem(last=False)
        new = {job_id: name for job_id, name in files.items() if (origin.principal, job_id) not in self._told}
        if not new:
            return
        await self._log.record_all(origin, Action.FILE_ADDRESS_TOLD, workspace_id=workspace_id, targets=new)
        self._told |= {(origin.principal, job_id): now for job_id in new}
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
