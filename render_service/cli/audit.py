"""The command `render-service audit`: who did what, when, and from where."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from render_service.cli.settings import run_with_database
from render_service.domain.access.audit import Action, AuditEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from render_service.config.settings import Settings
    from render_service.db.database import Database


def show_audit(
    *,
    workspace: Annotated[str | None, typer.Option(help="Only entries of this workspace.")] = None,
    principal: Annotated[str | None, typer.Option(help="Only entries of this principal, such as `key:UUID`.")] = None,
    action: Annotated[Action | None, typer.Option(help="Only this action.")] = None,
    target: Annotated[UUID | None, typer.Option(help="Only actions on this object, such as a job.")] = None,
    since_days: Annotated[float | None, typer.Option(help="Only entries of the last N days.", min=0)] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of entries.", min=1, max=100_000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show the audit trail, newest first: who started, cancelled, deleted or downloaded what, and from where."""
    since = datetime.now(UTC) - timedelta(days=since_days) if since_days is not None else None

    async def find(database: "Database", _: "Settings") -> "Sequence[AuditEntry]":
        from render_service.db.access.audit_log import AuditFilter, AuditLog

        return await AuditLog(database).find(AuditFilter(workspace, principal, action, target, since), limit=limit)

    for entry in run_with_database(find):
        row = _row(entry)
        typer.echo(
            json.dumps(row, ensure_ascii=False) if as_json else "  ".join(str(value) for value in row.values() if value)
        )


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
