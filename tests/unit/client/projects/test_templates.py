"""The templates of `render init`: valid, formatted, and complete without any other file."""

from pathlib import Path

import pytest
from google.protobuf import json_format
from render_client import load_project
from render_client.projects_file.formatting import format_project
from render_client.projects_file.templates import TEMPLATES, template_text

from render_service.domain.faults import Faults
from render_service.domain.projects.validation import check_project
from render_service.server.mapping.project import project_from_proto
from tests.unit.client.projects.test_schema import VALIDATOR

NAMES = sorted(path.stem for path in TEMPLATES.glob("*.yaml"))


def test_there_is_a_template_for_each_purpose() -> None:
    assert NAMES == ["course", "news", "product", "quote", "recipe", "sample", "slideshow"]


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_a_valid_formatted_project_in_yaml_and_json(name: str, tmp_path: Path) -> None:
    projects = []
    for file in (tmp_path / "p.yaml", tmp_path / "p.json"):
        text = template_text(name, file)
        file.write_text(text, encoding="utf-8")
        projects.append(load_project(file))
        assert format_project(file) == text
    in_yaml, in_json = projects
    assert in_yaml == in_json
    VALIDATOR.validate(json_format.MessageToDict(in_yaml, preserving_proto_field_name=True))
    project = project_from_proto(in_yaml, "project", Faults())
    assert check_project(project, "project", lambda uri: "must not be needed", for_render=True) == []


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_of_a_template_have_the_same_comments(name: str) -> None:
    in_yaml, in_json = (template_text(name, Path(file)) for file in ("p.yaml", "p.json"))
    comments = [line.strip().removeprefix("# ") for line in in_yaml.splitlines() if line.strip().startswith("#")]
    assert comments == [line.strip()[3:] for line in in_json.splitlines() if line.strip().startswith("//")]
