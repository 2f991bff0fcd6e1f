"""The command, run against the fake service."""

from collections.abc import Callable
from pathlib import Path

import pytest
from render_client.cli.main import app
from typer.testing import CliRunner, Result

from tests.unit.client.fake_server import FakeServer

Run = Callable[..., Result]


@pytest.fixture
def run(server: FakeServer, tmp_path: Path) -> Run:
    """Runs the command against the server, with settings from the environment alone."""
    environment = {
        "RENDER_TARGET": f"127.0.0.1:{server.port}",
        "RENDER_TOKEN": "a-token",
        "RENDER_CLIENT_CONFIG": "",
        "XDG_CONFIG_HOME": str(tmp_path),
        "COLUMNS": "200",
    }

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env=environment)

    return run
