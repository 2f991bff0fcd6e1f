"""Each recipe of CONTRIBUTING.md: a place that was forgotten when something new was added is found here, by name.

What is held elsewhere: that the domain has every field and enum value of the contract (unit/server), that an RPC has an
authorization rule (unit/server), and that settings and metrics are documented (unit/config, unit/test_metrics.py).
"""

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from render_client.cli.options import Artifact as CliArtifact
from render_client.messages import ArtifactName
from render_client.v1 import job_pb2

import render_service
from render_service.config.providers import missing_settings
from render_service.config.settings import Settings
from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS, find_model
from render_service.domain.jobs.job import Artifact, ProviderName
from render_service.domain.projects import output, project
from render_service.providers.apis.registry import PROVIDERS

PACKAGE = Path(render_service.__file__).parent
ROOT = PACKAGE.parent
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


@pytest.mark.parametrize("provider", sorted(GENERATING_PROVIDERS))
def test_a_provider_has_models_an_api_settings_documentation_and_a_fake(provider: ProviderName) -> None:
    assert find_model(provider, "") is not None
    assert provider in PROVIDERS
    assert provider in missing_settings(Settings())
    assert f"`{provider}`" in (ROOT / "docs/how-to/use-a-paid-provider.md").read_text(encoding="utf-8")
    fake = "fal" if provider is ProviderName.PIKA else provider  # Pika is served by fal
    assert (ROOT / f"tests/fakes/{fake}.py").is_file()


def test_every_other_provider_needs_no_api() -> None:
    assert set(ProviderName) - GENERATING_PROVIDERS == {ProviderName.LOCAL, ProviderName.MOCK}
    assert set(PROVIDERS) == GENERATING_PROVIDERS


@pytest.mark.parametrize("artifact", Artifact)
def test_an_artifact_is_stored_and_known_to_the_clients(artifact: Artifact) -> None:
    assert artifact.name in names_read("domain/jobs/job.py")
    assert artifact.value in get_args(ArtifactName)
    assert CliArtifact(artifact.value.replace("_", "-")).file_name(job_pb2.Job(job_id="x")) != "x"


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
