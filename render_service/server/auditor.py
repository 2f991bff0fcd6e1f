"""Writes the audit trail for the calls of this server."""

from uuid import UUID

from render_service.db.audit_log import AuditLog
from render_service.domain.audit import Action
from render_service.server.authentication import current_origin


class Auditor:
    """Writes down what a caller does, before it takes effect: there may be an entry too many, but none is missing.

    Starts of jobs are not written here but together with the job.

    Args:
        log: The audit trail.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    async def note(self, action: Action, workspace_id: str, target: UUID | None, *, detail: str = "") -> None:
        """Write down what the call that is being handled is about to do.

        Raises:
            DomainError: STORE_UNAVAILABLE; the action must then not be done.
        """
        await self._log.record(current_origin(), action, workspace_id=workspace_id, target=target, detail=detail)
