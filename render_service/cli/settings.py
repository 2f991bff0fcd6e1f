"""What every command begins with: the settings, or one line that says why there is no going on."""

import sys
from typing import NoReturn

from render_service.config.settings import ConfigurationError, Settings, load_settings
from render_service.telemetry.logging import configure_logging


def command_settings(log_level: str | None = None) -> Settings:
    """Return the settings and configure the logs; ends the command where a setting is wrong.

    Args:
        log_level: Least level that is logged; None for the configured one.
    """
    try:
        settings = load_settings()
    except ConfigurationError as error:
        end_command(str(error))
    configure_logging(log_level or settings.log_level)
    return settings


def end_command(why: str) -> NoReturn:
    """Say in one line why the command ends, and end it with 2."""
    print(f"render-service: {why}", file=sys.stderr)
    raise SystemExit(2)
