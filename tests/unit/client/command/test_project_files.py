"""`render init`, `check`, `fmt` and `schema`."""

import json
import sys
from pathlib import Path

import grpc
import pytest
from render_client import load_project
from render_client.projects_file.schema import SCHEMA

from tests.unit.client.command.conftest import Run
from tests.unit.client.fake_service import FakeService, refusal


@pytest.mark.parametrize("name", ["p.yaml", "p.json"])
def test_init_writes_a_template_that_can_be_rendered_and_overwrites_nothing(
    run: Run, service: FakeService, tmp_path: Path, name: str
) -> None:
    file = str(tmp_path / name)
    assert run("init", file, "--template", "news").exit_code == 0
    assert run("start", file).exit_code == 0
    assert service.calls["StartRender"][0].project.title == "The morning brief"  # type: ignore[attr-defined]
    again = run("init", file, "-t", "quote")
    assert (again.exit_code, again.stderr) == (4, f"error: {file}: File exists\n")
    assert "'news', 'product', 'course', 'quote', 'recipe', 'slideshow'" in run("init", file, "-t", "film").stderr


def test_init_without_the_package_for_yaml_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    assert run("init", str(tmp_path / "p.yaml")).exit_code == 0
    refused = run("init", str(tmp_path / "p.json"))
    assert (refused.exit_code, "pip install 'render-client[yaml]'" in refused.stderr) == (4, True)


def test_check_reports_all_faults_of_all_files(run: Run, service: FakeService, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.json"
    run("init", str(good), "-t", "quote")
    bad.write_text('{"titel": "a",\n "mode": "b"}')
    result = run("check", str(good), str(bad))
    assert result.exit_code == 2
    assert result.stdout == f"{good}: valid, 3 shots\n"
    assert result.stderr.splitlines() == [
        f"error: {bad}:1:2: titel: no such field; did you mean title?",
        f"error: {bad}:2:10: mode: must be one of standard, short, slideshow",
    ]
    assert json.loads(run("check", str(good), "--json").stdout) == {"file": str(good), "valid": True, "shots": 3}
    assert not service.calls["StartRender"]


def test_check_by_the_service_shows_its_faults_in_the_file(run: Run, service: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("storyboard:\n  shots:\n    - duration: 900s\n")
    faults = {"project.storyboard.shots[0].duration": "must be above 0 and at most 600 s"}
    service.refusals["StartRender"] = [refusal(grpc.StatusCode.INVALID_ARGUMENT, "no", "INVALID_FIELD", faults=faults)]
    result = run("check", str(file), "--service", "--var", "city=Oslo")
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {file}:3:17: storyboard.shots[0].duration: must be above 0 and at most 600 s\n",
    )
    assert run("check", str(file), "--service").exit_code == 0
    assert not service.jobs


def test_fmt_formats_in_place_or_only_says_what_it_would_format(run: Run, tmp_path: Path) -> None:
    file, bad = tmp_path / "p.yaml", tmp_path / "bad.yaml"
    file.write_text("title:   a # kept\nmode: SHORT\n")
    bad.write_text("titel: a\n")
    checked = run("fmt", "--check", str(file))
    assert (checked.exit_code, checked.stdout) == (1, f"not formatted: {file}\n")
    done = run("fmt", str(file), str(bad))
    assert (done.exit_code, done.stdout) == (2, f"formatted: {file}\n")
    assert done.stderr == f"error: {bad}:1:1: titel: no such field; did you mean title?\n"
    assert file.read_text() == "title: a   # kept\nmode: short\n"
    assert (run("fmt", str(file)).stdout, run("fmt", "--check", str(file)).exit_code) == ("", 0)


def test_schema_is_printed_or_written(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "project.schema.json"
    assert run("schema", str(file)).exit_code == 0
    assert run("schema").stdout == file.read_text("utf-8") == SCHEMA.read_text("utf-8")
    assert run("schema", str(tmp_path / "none" / "s.json")).exit_code == 4


def test_a_yaml_project_can_be_stored(run: Run, service: FakeService, tmp_path: Path) -> None:
    run("init", str(tmp_path / "p.yaml"))
    project_id = run("projects", "create", str(tmp_path / "p.yaml")).stdout.strip()
    assert service.projects[project_id].storyboard == load_project(tmp_path / "p.yaml").storyboard
