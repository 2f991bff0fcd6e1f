"""Runs the `render` command, and says what to install where its parts are missing."""

import importlib
import sys


def main() -> int:
    """Run the command.

    Returns:
        The exit code where the command could not even begin.
    """
    try:
        cli = importlib.import_module("render_client.cli")
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        print(f"the render command needs {error.name}: pip install 'render-client[cli]'", file=sys.stderr)
        return 2
    cli.app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
