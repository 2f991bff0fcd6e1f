"""The commands `render-service keys …`: API keys are made, listed and revoked here, and nowhere over the network."""

import asyncio
import getpass
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from render_service.cli.settings import command_settings, end_command
from render_service.db.access.api_keys import ApiKey, ApiKeys
from render_service.db.access.audit_log import AuditLog
from render_service.db.database import Database
from render_service.domain.access.access import Access, is_workspace_id
from render_service.domain.access.audit import Action, Origin

_Result = TypeVar("_Result")
keys = typer.Typer(help="API keys.", no_args_is_help=True)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What to call it, such as the team's name.")],
    workspace: Annotated[list[str], typer.Option(help="A workspace it opens; repeat for several.")],
    access: Annotated[Access, typer.Option(help="What may be done there.")] = Access.WRITE,
    expires_in_days: Annotated[float | None, typer.Option(help="After so many days it works no longer.", min=0)] = None,
) -> None:
    """Make an API key and print it. It cannot be shown again."""
    for workspace_id in workspace:
        if not is_workspace_id(workspace_id):
            end_command(
                f"{workspace_id!r} is no workspace: 1 to 64 characters a–z 0–9 _ -, starting with a letter or digit"
            )
    if not name.strip() or len(name) > 100 or not name.isprintable():
        end_command("a name must have 1 to 100 printable characters")
    expire_time = datetime.now(UTC) + timedelta(days=expires_in_days) if expires_in_days is not None else None

    async def create(stored: ApiKeys, log: AuditLog) -> str:
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
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List all API keys: what they open, when they were last used, and whether they still work. Never the keys."""
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
def revoke_key(key_id: Annotated[UUID, typer.Argument(metavar="ID", help="The key's id, as `list` shows it.")]) -> None:
    """Make an API key work no longer: at once for new servers, within ten seconds for those that know it."""

    async def revoke(stored: ApiKeys, log: AuditLog) -> bool:
        known = await stored.revoke(key_id)
        if known:
            await log.record(_origin(), Action.KEY_REVOKED, workspace_id=None, target=key_id)
        return known

    if not _with_keys(revoke):
        end_command(f"there is no key {key_id}")


def _with_keys(work: Callable[[ApiKeys, AuditLog], Awaitable[_Result]]) -> _Result:
    settings = command_settings(log_level="error")

    async def run() -> _Result:
        database = Database(settings.database_url, size=1)
        try:
            return await work(ApiKeys(database), AuditLog(database))
        finally:
            await database.close()

    return asyncio.run(run())


def _origin() -> Origin:
    """Who sits at the command line, as far as the system knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = f"uid {os.getuid()}"
    return Origin(f"command:{user}", user, f"host:{socket.gethostname()}", None)


def _row(key: ApiKey, now: datetime) -> Mapping[str, str | None]:
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
