"""Runs the `render` command, or says what to install if one of its packages is missing."""

from __future__ import annotations

import gc
import importlib
import sys


def main() -> int:
    """Run the command.

    Returns:
        The exit code if the command could not start.
    """
    # Imports make much and leave no garbage: a short command need not look for any.
    gc.set_threshold(100_000)
    try:
        cli = importlib.import_module("render_client.cli.main")
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        print(f"the render command needs {error.name}: pip install 'render-client[cli]'", file=sys.stderr)
        return 2
    cli.app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
