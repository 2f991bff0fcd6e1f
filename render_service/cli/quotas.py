"""The commands `render-service quotas …`: quotas of single workspaces."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from render_service.cli.settings import exit_with_error, run_with_database
from render_service.domain.access.access import is_workspace_id
from render_service.domain.access.quota import QuotaName

if TYPE_CHECKING:
    from render_service.config.settings import Settings
    from render_service.db.access.quotas import WorkspaceQuotas
    from render_service.db.database import Database

_Result = TypeVar("_Result")
_UNLIMITED = "unlimited"
quotas = typer.Typer(rich_markup_mode=None, help="Manage quotas of single workspaces.", no_args_is_help=True)

_Workspace = Annotated[str, typer.Argument(help="Id of the workspace.")]


@quotas.command("set")
def set_quotas(
    workspace: _Workspace,
    limits: Annotated[
        list[str],
        typer.Argument(help=f"NAME=NUMBER or NAME={_UNLIMITED}; NAME is one of {', '.join(QuotaName)}."),
    ],
) -> None:
    """Set quotas of a workspace; servers apply them within five seconds. Quotas that are not named stay unchanged."""
    given = dict(_limit(text) for text in limits)
    if not is_workspace_id(workspace):
        exit_with_error(f"{workspace!r} is not a workspace id")
    _with_quotas(lambda stored, _: stored.set(workspace, given))


@quotas.command("clear")
def clear_quotas(workspace: _Workspace) -> None:
    """Remove all quotas of a workspace: the configured ones apply again."""
    _with_quotas(lambda stored, _: stored.clear(workspace))


@quotas.command("list")
def list_quotas() -> None:
    """List the configured quotas, and the workspaces with quotas of their own."""

    async def lines(stored: "WorkspaceQuotas", settings: "Settings") -> list[str]:
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
        exit_with_error(
            f"{text!r} is not a quota: write NAME=NUMBER or NAME={_UNLIMITED}, NAME being one of {', '.join(QuotaName)}"
        )
    return QuotaName(name), None if value == _UNLIMITED else int(value)


def _with_quotas(work: Callable[["WorkspaceQuotas", "Settings"], Awaitable[_Result]]) -> _Result:
    async def run(database: "Database", settings: "Settings") -> _Result:
        from render_service.db.access.quotas import WorkspaceQuotas

        return await work(WorkspaceQuotas(database), settings)

    return run_with_database(run)
