"""Names on the pages exist in the code: settings, commands, files, RPCs and their authorization rules."""

import re
from pathlib import Path

import pytest
from render_client.v1 import error_reason_pb2

from render_service.cli.main import app
from render_service.config.names import variable_of
from render_service.config.settings import Settings
from render_service.server.interceptors.authorization import RULES, Rule
from scripts.documents import ROOT, pages, read

FOLDERS = "benchmarks|clients|deploy|docs|examples|proto|render_service|requirements|samples|scripts|tests"
# Settings of the client, its examples and other programs.
OTHER_VARIABLES = {
    "RENDER_TARGET",
    "RENDER_TOKEN",
    "RENDER_WORKSPACE",
    "RENDER_TLS",
    "RENDER_TIMEOUT",
    "RENDER_CLIENT_CONFIG",
    "RENDER_CONFIG",
    "RENDER_WEBHOOK_SECRETS",
}
PAGES = [page for page in pages() if page != Path("CHANGELOG.md")]


def mentioned(pattern: str, page: Path) -> set[str]:
    return set(re.findall(pattern, read(page)))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_named_settings_exist(page: Path) -> None:
    known = OTHER_VARIABLES | {variable_of(name, field) for name, field in Settings.model_fields.items()}
    named = mentioned(r"\b(?:RENDER|CUSTOM_VIDEO|VIDEO_API|PIKA|RUNWAYML|STORAGE)_[A-Z_]*[A-Z]\b(?!_?…|_)", page)
    assert named <= known, named - known


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_named_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = mentioned(r"(?:`|^)make ([a-z][a-z-]+)", page)
    assert named <= targets, named - targets
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    commands |= {group.name or "" for group in app.registered_groups}
    named = mentioned(r"\brender-service ([a-z]+(?:-[a-z]+)*)\b", page)
    assert {name for name in named if f"`render-service {name}" in read(page)} <= commands, named - commands


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_named_files_exist(page: Path) -> None:
    named = mentioned(rf"(?:`|pytest )((?:{FOLDERS})/[\w/.-]+)[` ]", page)
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_security_page_lists_the_rule_of_every_rpc() -> None:
    text = read(Path("docs/reference/security.md"))
    for rule in (Rule.READ, Rule.WRITE):
        row = re.search(rf"^\| ([A-Z][\w, ]+) \| `{rule.name.lower()}` in its workspace \|$", text, re.MULTILINE)
        assert row
        rpcs = {method.rpartition("/")[2] for method, asked in RULES.items() if asked is rule}
        assert set(row[1].split(", ")) == rpcs


def test_named_reasons_exist() -> None:
    known = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name}
    for page in PAGES:
        for reason in mentioned(r"reason `([A-Z_]+)`", page):
            assert reason in known, (page, reason)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_named_test_selections_select_a_test(page: Path) -> None:
    for path, word in re.findall(r"`pytest (tests/[\w/.]+) -k (\w+)`", read(page)):
        files = [ROOT / path] if path.endswith(".py") else sorted((ROOT / path).rglob("test_*.py"))
        text = "\n".join(file.read_text(encoding="utf-8") for file in files)
        names = re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)
        assert any(word in name for name in names), f"{path} -k {word}"
