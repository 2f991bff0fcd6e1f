"""The command `render-service audit`: who did what, when, and from where."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from render_service.cli.settings import command_settings
from render_service.db.access.audit_log import AuditFilter, AuditLog
from render_service.db.database import Database
from render_service.domain.access.audit import Action, AuditEntry


def show_audit(
    *,
    workspace: Annotated[str | None, typer.Option(help="Only of this workspace.")] = None,
    principal: Annotated[str | None, typer.Option(help="Only by this principal, such as `key:UUID`.")] = None,
    action: Annotated[Action | None, typer.Option(help="Only this.")] = None,
    target: Annotated[UUID | None, typer.Option(help="Only to this job, project, key, webhook or delivery.")] = None,
    since_days: Annotated[float | None, typer.Option(help="Only of the last so many days.", min=0)] = None,
    limit: Annotated[int, typer.Option(help="The most entries to show.", min=1, max=100_000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the audit trail, the newest first: who started, cancelled, deleted or downloaded what, and from where."""
    since = datetime.now(UTC) - timedelta(days=since_days) if since_days is not None else None
    for entry in _find(AuditFilter(workspace, principal, action, target, since), limit):
        row = _row(entry)
        typer.echo(
            json.dumps(row, ensure_ascii=False) if as_json else "  ".join(str(value) for value in row.values() if value)
        )


def _find(wanted: AuditFilter, limit: int) -> Sequence[AuditEntry]:
    settings = command_settings(log_level="error")

    async def run() -> Sequence[AuditEntry]:
        database = Database(settings.database_url, size=1)
        try:
            return await AuditLog(database).find(wanted, limit=limit)
        finally:
            await database.close()

    return asyncio.run(run())


def _row(entry: AuditEntry) -> dict[str, str | None]:
    return {
        "at": entry.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "action": entry.action.value,
        "workspace": entry.workspace_id,
        "target": str(entry.target) if entry.target else None,
        "detail": entry.detail,
        "principal": entry.origin.principal,
        "name": entry.origin.principal_name,
        "peer": entry.origin.peer,
        "request_id": str(entry.origin.request_id) if entry.origin.request_id else None,
    }
