"""The command `render-service sweep`: proves that nothing in the object store is orphaned, and nothing missing."""

import asyncio

import typer

from render_service.config.settings import Settings
from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.retention.remover import Remover
from render_service.retention.sweep import SweepReport, sweep
from render_service.runtime.lifecycle import open_store


def sweep_store(settings: Settings, *, delete: bool) -> None:
    """Compare the object store with the database, print what was found, and end the command.

    Args:
        settings: The service's configuration.
        delete: Whether to remove what nothing leads to.
    """

    async def run() -> SweepReport:
        database = Database(settings.database_url, size=1)
        try:
            removals, store = Deletions(database), open_store(settings.storage_url)
            if delete:
                await Remover(removals, store).remove()
            return await sweep(removals, store, delete=delete)
        finally:
            await database.close()

    report = asyncio.run(run())
    for key in report.orphan_keys:
        typer.echo(f"orphan   {key}")
    for key in report.missing_keys:
        typer.echo(f"missing  {key}")
    gone = "removed" if delete else "found"
    typer.echo(
        f"{report.objects} objects; {report.orphans} orphans of {report.orphan_bytes} bytes {gone}; "
        f"{report.missing} files missing"
    )
    raise SystemExit(1 if report.missing or (report.orphans and not delete) else 0)
