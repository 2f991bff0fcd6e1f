"""Each recipe of CONTRIBUTING.md: a place that was forgotten when something new was added is found here, by name.

What is held elsewhere: that the domain has every field and enum value of the contract (unit/server), that an RPC has an
authorization rule (unit/server), and that settings and metrics are documented (unit/config, unit/test_metrics.py).
"""

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest

import render_service
from render_service.config.settings import Settings
from render_service.domain.errors import ErrorReason
from render_service.domain.projects import output, project

PACKAGE = Path(render_service.__file__).parent
# Where fields are declared, checked and mapped: reading one here makes nobody see or hear it.
DECLARATIONS = (
    "domain/projects/project.py",
    "domain/projects/output.py",
    "domain/projects/validation.py",
    "server/mapping",
)
# Kept and returned for people, as the contract says; the storyboard is what is rendered.
NOT_RENDERED = {"Project.script"}


@cache
def names_read(*without: str) -> frozenset[str]:
    """All attributes that the service reads, but for some modules and folders."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        if not file.relative_to(PACKAGE).as_posix().startswith(without or ("-",)):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return frozenset(found)


@cache
def names_used(*without: str) -> frozenset[str]:
    """All names that the service uses after importing them, but for some modules and folders."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        if not file.relative_to(PACKAGE).as_posix().startswith(without or ("-",)):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return frozenset(found)


def declared_fields() -> Iterator[str]:
    """`Class.field` of everything that a project or its output can say."""
    for module in (project, output):
        for name, kind in vars(module).items():
            if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__:
                yield from (f"{name}.{field.name}" for field in fields(kind))


@pytest.mark.parametrize("field", list(declared_fields()))
def test_a_field_of_a_project_reaches_the_video(field: str) -> None:
    assert field in NOT_RENDERED or field.rpartition(".")[2] in names_read(*DECLARATIONS), (
        "declared and mapped, but nothing uses it"
    )


@pytest.mark.parametrize("setting", list(Settings.model_fields))
def test_a_setting_has_an_effect(setting: str) -> None:
    assert setting in names_read()


@pytest.mark.parametrize("reason", ErrorReason)
def test_a_reason_of_errors_is_given_by_something(reason: ErrorReason) -> None:
    # Those that SQL gives stand in its text.
    sql = " ".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "db").rglob("*_sql.py"))
    assert reason.name in names_read("server/interceptors/errors.py") or f"'{reason.name}'" in sql


def metrics() -> Iterator[str]:
    """The names under which the code knows the metrics."""
    for file in (PACKAGE / "telemetry/metrics").glob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("metric", list(metrics()))
def test_a_metric_is_measured(metric: str) -> None:
    registries = {"SHARED", "SERVER", "WORKER"}
    assert metric in registries or metric in names_used("telemetry/metrics")
