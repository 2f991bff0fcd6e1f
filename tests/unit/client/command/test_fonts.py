"""The commands `render fonts …`."""

import json
from pathlib import Path

from tests.unit.client.command.conftest import Run
from tests.unit.client.fake_service import FakeService


def test_files_are_uploaded_listed_and_deleted(run: Run, service: FakeService, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("regular.ttf", "bold.ttf")]
    for file in files:
        file.write_bytes(b"a font")
    uploaded = run("fonts", "upload", *map(str, files), "--family", "Acme Sans")
    assert uploaded.exit_code == 0
    assert uploaded.stdout.count("workspace:Acme Sans  400-700") == 2
    listed = run("fonts", "list")
    assert "Inter" in listed.stdout
    assert "font-1" in listed.stdout
    assert run("fonts", "delete", "font-1").exit_code == 0
    assert list(service.brands.fonts) == ["font-0"]


def test_fonts_are_printed_for_machines(run: Run, service: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "regular.ttf"
    file.write_bytes(b"a font")
    result = run("fonts", "upload", str(file), "--json")
    assert json.loads(result.stdout)["font_id"] == "font-0"


def test_a_file_that_is_not_there_is_refused_before_any_is_uploaded(run: Run, service: FakeService) -> None:
    result = run("fonts", "upload", "absent.ttf")
    assert result.exit_code == 2
    assert service.brands.fonts == {}
