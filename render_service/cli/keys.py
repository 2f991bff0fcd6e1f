"""The commands `render-service keys …`. API keys are managed here only, never over the network."""

import getpass
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from render_service.cli.settings import exit_with_error, run_with_database
from render_service.domain.access.access import Access, is_workspace_id
from render_service.domain.access.audit import Action, Origin

if TYPE_CHECKING:
    from render_service.config.settings import Settings
    from render_service.db.access.api_keys import ApiKey, ApiKeys
    from render_service.db.access.audit_log import AuditLog
    from render_service.db.database import Database

_Result = TypeVar("_Result")
keys = typer.Typer(rich_markup_mode=None, help="Manage API keys.", no_args_is_help=True)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Name of the key, such as the team's.")],
    workspace: Annotated[list[str], typer.Option(help="Workspace that the key gives access to; repeat for several.")],
    access: Annotated[Access, typer.Option(help="What the key allows there.")] = Access.WRITE,
    expires_in_days: Annotated[float | None, typer.Option(help="Days until the key expires.", min=0)] = None,
) -> None:
    """Create an API key and print it. It cannot be shown again."""
    for workspace_id in workspace:
        if not is_workspace_id(workspace_id):
            exit_with_error(
                f"--workspace {workspace_id!r} is not a workspace id: use 1 to 64 characters a–z 0–9 _ -, starting "
                "with a letter or digit"
            )
    if not name.strip() or len(name) > 100 or not name.isprintable():
        exit_with_error("NAME must have 1 to 100 printable characters")
    expire_time = datetime.now(UTC) + timedelta(days=expires_in_days) if expires_in_days is not None else None

    async def create(stored: "ApiKeys", log: "AuditLog") -> str:
        key = await stored.create(name, frozenset(workspace), access=access, expire_time=expire_time)
        known = await stored.find(key)
        await log.record(
            _origin(),
            Action.KEY_CREATED,
            workspace_id=None,
            target=known.id if known else None,
            detail=f"{name}: {access.value} {', '.join(sorted(workspace))}",
        )
        return key

    typer.echo(_with_keys(create))


@keys.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False) -> None:
    """List all API keys: workspaces, access, last use and state. The keys themselves are never shown."""
    now = datetime.now(UTC)
    for key in _with_keys(lambda stored, _: stored.list()):
        row = _row(key, now)
        if as_json:
            typer.echo(json.dumps({**row, "workspaces": sorted(key.workspaces)}, ensure_ascii=False))
        else:
            typer.echo(
                f"{row['id']}  {row['state']:7}  {row['access']:5}  last used {row['last_used'] or 'never'}  "
                f"expires {row['expires'] or 'never'}  {row['name']}: {', '.join(sorted(key.workspaces))}"
            )


@keys.command("revoke")
def revoke_key(key_id: Annotated[UUID, typer.Argument(metavar="ID", help="Id of the key, from `list`.")]) -> None:
    """Revoke an API key. Servers that have used it refuse it within ten seconds, all others at once."""

    async def revoke(stored: "ApiKeys", log: "AuditLog") -> bool:
        known = await stored.revoke(key_id)
        if known:
            await log.record(_origin(), Action.KEY_REVOKED, workspace_id=None, target=key_id)
        return known

    if not _with_keys(revoke):
        exit_with_error(f"key {key_id} does not exist: `render-service keys list` shows those that do")


def _with_keys(work: Callable[["ApiKeys", "AuditLog"], Awaitable[_Result]]) -> _Result:
    async def run(database: "Database", _: "Settings") -> _Result:
        from render_service.db.access.api_keys import ApiKeys
        from render_service.db.access.audit_log import AuditLog

        return await work(ApiKeys(database), AuditLog(database))

    return run_with_database(run)


def _origin() -> Origin:
    """Return who runs the command, as far as the system knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = f"uid {os.getuid()}"
    return Origin(f"command:{user}", user, f"host:{socket.gethostname()}", None)


def _row(key: "ApiKey", now: datetime) -> Mapping[str, str | None]:
    state = "revoked" if key.revoke_time is not None else "works" if key.works_at(now) else "expired"
    return {
        "id": str(key.id),
        "name": key.name,
        "state": state,
        "access": key.access.value,
        "created": _time(key.create_time),
        "expires": _time(key.expire_time),
        "last_used": _time(key.last_used_time),
    }


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if time is not None else None
