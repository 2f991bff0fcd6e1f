"""The commands `render-service quotas …`: how much single workspaces may use."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from render_service.cli.settings import command_settings, end_command
from render_service.config.settings import Settings
from render_service.db.access.quotas import WorkspaceQuotas
from render_service.db.database import Database
from render_service.domain.access.access import is_workspace_id
from render_service.domain.access.quota import QuotaName

_Result = TypeVar("_Result")
_UNLIMITED = "unlimited"
quotas = typer.Typer(help="Quotas of workspaces that differ from the configured ones.", no_args_is_help=True)

_Workspace = Annotated[str, typer.Argument(help="The workspace.")]


@quotas.command("set")
def set_quotas(
    workspace: _Workspace,
    limits: Annotated[
        list[str],
        typer.Argument(help=f"NAME=NUMBER or NAME={_UNLIMITED}, NAME being one of {', '.join(QuotaName)}."),
    ],
) -> None:
    """Give a workspace quotas of its own; servers know within five seconds. Those not named stay as they are."""
    given = dict(_limit(text) for text in limits)
    if not is_workspace_id(workspace):
        end_command(f"{workspace!r} is no workspace")
    _with_quotas(lambda stored, _: stored.set(workspace, given))


@quotas.command("clear")
def clear_quotas(workspace: _Workspace) -> None:
    """Take all quotas of its own from a workspace: the configured ones hold again."""
    _with_quotas(lambda stored, _: stored.clear(workspace))


@quotas.command("list")
def list_quotas() -> None:
    """List the configured quotas and the workspaces that have their own."""

    async def lines(stored: WorkspaceQuotas, settings: Settings) -> list[str]:
        rows = {"(all others)": {name: getattr(settings.quotas, name) for name in QuotaName}, **await stored.all()}
        return [
            f"{workspace}: "
            + "  ".join(f"{name}={_UNLIMITED if limit is None else limit}" for name, limit in sorted(limits.items()))
            for workspace, limits in rows.items()
        ]

    for line in _with_quotas(lines):
        typer.echo(line)


def _limit(text: str) -> tuple[QuotaName, int | None]:
    name, _, value = text.partition("=")
    if name not in set(QuotaName) or not (value == _UNLIMITED or (value.isascii() and value.isdigit())):
        end_command(f"{text!r} is no quota: say NAME=NUMBER or NAME={_UNLIMITED}, of {', '.join(QuotaName)}")
    return QuotaName(name), None if value == _UNLIMITED else int(value)


def _with_quotas(work: Callable[[WorkspaceQuotas, Settings], Awaitable[_Result]]) -> _Result:
    settings = command_settings(log_level="error")

    async def run() -> _Result:
        database = Database(settings.database_url, size=1)
        try:
            return await work(WorkspaceQuotas(database), settings)
        finally:
            await database.close()

    return asyncio.run(run())
