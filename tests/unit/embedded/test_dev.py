"""`render-service dev` checks its port before anything starts, and lets projects name the files of allowed folders."""

import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from render_service.cli.main import app
from render_service.embedded import dev


class Started(Exception):
    """Stands for the start of the system."""


@pytest.fixture
def roots(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, ...]]:
    """The folders that a stack about to start allows; it does not start."""
    found: list[tuple[Path, ...]] = []

    def make_stack(_data: Path, *, port: int | None, file_roots: tuple[Path, ...], http_port: int) -> Any:
        found.append(file_roots)
        raise Started

    monkeypatch.setattr(dev, "make_stack", make_stack)
    return found


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path, roots: list[tuple[Path, ...]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["dev", "--port", str(port), "--data", str(tmp_path / "data")])
    assert result.exit_code == 1
    assert result.output == (
        f"Port {port} of 127.0.0.1 is in use. Stop what listens on it, or choose another with --port.\n"
    )
    assert not roots
    assert not (tmp_path / "data").exists()


def test_allowed_folders_are_the_current_one_those_named_and_those_configured(
    tmp_path: Path, roots: list[tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, sounds = tmp_path / "pictures", tmp_path / "sounds"
    pictures.mkdir()
    sounds.mkdir()
    monkeypatch.setenv("RENDER_FILE_ROOTS", "/srv/media:/srv/more")
    arguments = ["dev", "--port", "0", "--allow", str(pictures), "--allow", str(sounds)]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, Started)
    assert roots == [(Path.cwd(), pictures, sounds, Path("/srv/media"), Path("/srv/more"))]


def test_a_folder_to_allow_that_is_not_there_is_named(tmp_path: Path, roots: list[tuple[Path, ...]]) -> None:
    result = CliRunner().invoke(app, ["dev", "--allow", str(tmp_path / "missing")], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "missing' does not exist" in result.output
    assert not roots
