"""The command `render-service sweep`: finds objects that no job refers to, and files that are missing."""

import typer

from render_service.cli.settings import run_with_database
from render_service.config.settings import Settings
from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_objects import JobObjects
from render_service.retention.remover import Remover
from render_service.retention.sweep import SweepReport, sweep
from render_service.runtime.lifecycle import open_store


def sweep_store(*, delete: bool) -> None:
    """Compare the object store with the database, print what was found, and exit.

    Args:
        delete: Whether to delete objects that no job refers to.
    """

    async def run(database: Database, settings: Settings) -> SweepReport:
        deletions, objects, store = Deletions(database), JobObjects(database), open_store(settings.storage_url)
        if delete:
            await Remover(deletions, objects, store).remove()
        return await sweep(deletions, objects, store, delete=delete)

    report = run_with_database(run)
    for key in report.orphan_keys:
        typer.echo(f"orphan   {key}")
    for key in report.missing_keys:
        typer.echo(f"missing  {key}")
    action = "removed" if delete else "found"
    typer.echo(
        f"{report.objects} objects; {report.orphans} orphans of {report.orphan_bytes} bytes {action}; "
        f"{report.missing} files missing"
    )
    raise SystemExit(1 if report.missing or (report.orphans and not delete) else 0)
