"""What every command begins with: the settings, and a connection to the database for those that need one.

Everything heavy is imported inside the functions: `--help` must not pay for what only a running command needs.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from render_service.config.settings import Settings
    from render_service.db.database import Database

_Result = TypeVar("_Result")


def command_settings(log_level: str | None = None) -> "Settings":
    """Return the settings and configure the logs; exit with 2 where a setting is invalid.

    Args:
        log_level: Lowest level to log; None for the configured one.
    """
    from render_service.config.settings import ConfigurationError, load_settings, variables_given
    from render_service.config.unknown import mistyped_settings
    from render_service.telemetry.logging import configure_logging

    for warning in mistyped_settings(variables_given()):
        print(f"render-service: {warning}", file=sys.stderr)
    try:
        settings = load_settings()
    except ConfigurationError as error:
        exit_with_error(str(error))
    configure_logging(log_level or settings.log_level)
    return settings


def run_with_database(work: Callable[["Database", "Settings"], Awaitable[_Result]]) -> _Result:
    """Run a command's work with a connection to the configured database, and return its result.

    Raises:
        DomainError: STORE_UNAVAILABLE.
    """
    from render_service.db.database import Database

    settings = command_settings(log_level="error")

    async def run() -> _Result:
        database = Database(settings.database_url, size=1)
        try:
            return await work(database, settings)
        finally:
            await database.close()

    return asyncio.run(run())


def exit_with_error(why: str) -> NoReturn:
    """Print one line that says why the command cannot go on, and exit with 2."""
    print(f"render-service: {why}", file=sys.stderr)
    raise SystemExit(2)
