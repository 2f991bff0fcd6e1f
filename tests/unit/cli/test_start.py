"""Commands start fast: help and version import nothing that only running commands need."""

import subprocess
import sys

import pytest

HEAVY = {"rich", "grpc", "google.protobuf", "pydantic", "redis", "sqlalchemy", "psycopg", "av", "numpy"}
COMMANDS = {"render": "render_client.__main__", "render-service": "render_service.cli.main"}
PROGRAM = """
import atexit, importlib, sys
atexit.register(lambda: print(*sys.modules, sep="\\n", file=sys.stderr))
module, *sys.argv = sys.argv[1:]
importlib.import_module(module).main()
"""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=str)
def test_help_and_version_import_nothing_heavy(command: str, arguments: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, COMMANDS[command], command, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.strip()
    imported = set(run.stderr.splitlines())
    assert "typer" in imported
    assert imported & HEAVY == set()
