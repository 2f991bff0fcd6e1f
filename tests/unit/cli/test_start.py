"""Commands start fast: help and version import nothing that only running commands need."""

import gc
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from render_service.cli.main import app

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


def test_collections_of_garbage_do_not_examine_what_the_imports_made(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = []

    async def note(_: object) -> None:
        frozen.append(gc.get_freeze_count())

    monkeypatch.setattr("render_service.server.server.run_server", note)
    try:
        CliRunner().invoke(app, ["serve"], catch_exceptions=False)
    finally:
        gc.unfreeze()
    assert frozen[0] > 10_000
