"""The packages import only what the architecture page draws, stay small, and entry points load only what they need."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import render_service
from render_service.compositor.tasks import PROCESS_MODULES

PACKAGE = Path(render_service.__file__).parent
ROOT = PACKAGE.parent
PAGE = ROOT / "docs/explanation/architecture.md"
HAND_WRITTEN = (
    "render_service",
    "clients/python",
    "clients/typescript/src",
    "tests",
    "scripts",
    "benchmarks",
    "examples",
)
MOST_LINES = 400
MOST_MODULES = 16
# Modules directly in the service's folder: entry points, which may import any package.
ENTRY_POINTS = {"__init__", "__main__", "health"}

Module = tuple[str, ...]


def table(heading: str) -> dict[str, list[str]]:
    """The first and the last column of the table under a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|(?:.*\|)?([^|]*)\|$", section, re.MULTILINE)
    return {name: re.findall(r"`([^`]+)`", cells) for name, cells in rows}


DRAWN = table("Packages")
ORDERED = table("Inside the larger packages")


@cache
def imports() -> Mapping[Module, set[Module]]:
    """The modules that each module of the service imports, wherever in it, by their paths below the package."""
    files = {module_of(file): file for file in PACKAGE.rglob("*.py")}
    found: dict[Module, set[Module]] = {}
    for module, file in files.items():
        targets = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: write imports in full"
                whole = (node.module or "").split(".")
                targets |= {(*whole, alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                targets |= {tuple(alias.name.split(".")) for alias in node.names}
        ours = {target[1:] for target in targets if target[0] == PACKAGE.name}
        found[module] = {target if target in files else target[:-1] for target in ours}
    return found


def module_of(file: Path) -> Module:
    """The path of a module below the package; that of its folder where it is a package itself."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def arrows() -> Mapping[str, set[str]]:
    """The packages that each package imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, targets in imports().items():
        found[module[0] if module else "__init__"] |= {target[0] for target in targets if target} - set(module[:1])
    return found


@pytest.mark.parametrize("package", DRAWN)
def test_a_package_imports_exactly_what_is_drawn(package: str) -> None:
    assert arrows()[package] == set(DRAWN[package])


def test_every_package_is_drawn_and_no_arrow_leads_in_a_circle() -> None:
    assert {file.parent.name for file in PACKAGE.glob("*/__init__.py")} == set(DRAWN)
    assert {file.stem for file in PACKAGE.glob("*.py")} == ENTRY_POINTS
    tuple(TopologicalSorter(DRAWN).static_order())


def sub_package(module: Module) -> str:
    """The sub-package in which a module of a package lies."""
    lies_in_one = len(module) > 2 or (PACKAGE.joinpath(*module[:2]) / "__init__.py").is_file()
    return module[1] if len(module) > 1 and lies_in_one else "(modules)"


@pytest.mark.parametrize("package", [path.parent.name for path in PACKAGE.glob("*/__init__.py")])
def test_sub_packages_import_only_what_stands_to_their_right(package: str) -> None:
    has_some = any(path.parent.name != "migrations" for path in (PACKAGE / package).glob("*/__init__.py"))
    assert has_some == (package in ORDERED), "packages with sub-packages have an order, others have none"
    order = ORDERED.get(package, ["(modules)"])
    for module, targets in imports().items():
        if module[:1] != (package,) or "migrations" in module:
            continue
        for target in targets:
            if target[:1] == (package,) and len(target) > 1 and "migrations" not in target:
                place, aim = order.index(sub_package(module)), order.index(sub_package(target))
                assert place <= aim, f"{'.'.join(module)} imports {'.'.join(target)}"


def hand_written() -> Iterator[Path]:
    """Every file of code that people write."""
    for folder in HAND_WRITTEN:
        for file in (ROOT / folder).rglob("*.*"):
            parts = set(file.relative_to(ROOT).parts)
            if file.suffix in {".py", ".ts"} and not parts & {"node_modules", "dist", "gen", "v1", ".venv"}:
                yield file


def test_files_can_be_read_in_one_sitting() -> None:
    long = {str(file.relative_to(ROOT)): lines for file in hand_written() if (lines := line_count(file)) > MOST_LINES}
    assert not long, "split them: a file has one noun for a name"


def line_count(file: Path) -> int:
    """How many lines a file has."""
    return file.read_bytes().count(b"\n")


def test_folders_can_be_read_at_a_glance() -> None:
    modules: dict[Path, int] = defaultdict(int)
    for file in hand_written():
        if file.stem != "__init__" and not {"versions", "tests"} & set(file.parts):
            modules[file.parent.relative_to(ROOT)] += 1
    crowded = {str(folder): count for folder, count in modules.items() if count > MOST_MODULES}
    assert not crowded, "group them into sub-folders"


@pytest.mark.parametrize("folder", sorted({file.parent for file in PACKAGE.rglob("*.py")}), ids=lambda path: path.name)
def test_a_folder_says_what_it_is_for(folder: Path) -> None:
    file = folder / "__init__.py"
    assert folder.name == "versions" or (file.is_file() and ast.get_docstring(ast.parse(file.read_text("utf-8"))))


@cache
def loaded_by(module: str) -> set[str]:
    """All modules that a fresh process has loaded once it has imported one."""
    program = f"import sys, {module}; print('\\n'.join(name for name, module in sys.modules.items() if module))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize("entry", ["render_service.worker.worker", "render_service.server.server"])
def test_the_sdk_of_opentelemetry_is_not_loaded_before_tracing_is_turned_on(entry: str) -> None:
    # Its API is: libraries of ours know it.
    assert not {name for name in loaded_by(entry) if name.startswith(("opentelemetry.sdk.", "opentelemetry.exporter"))}


def test_the_exporter_of_traces_brings_no_grpc_into_the_worker() -> None:
    loaded = loaded_by("render_service.telemetry.tracing.recorder")
    assert "opentelemetry.sdk.trace" in loaded
    assert not {name for name in loaded if name.split(".")[0] == "grpc"}


@pytest.mark.parametrize("entry", ["render_service.worker.worker", "render_service.server.server"])
def test_server_and_worker_load_no_extras_of_libraries_and_no_migrations(entry: str) -> None:
    unused = {"rich", "click", "pygments", "attr", "alembic", "mako", "jwt", "typer"}
    assert not unused & {name.split(".")[0] for name in loaded_by(entry)}
    assert not {name for name in loaded_by(entry) if name.startswith(("sqlalchemy.orm", "sqlalchemy.ext"))}


def test_compose_processes_load_only_what_composing_takes() -> None:
    loaded = loaded_by(", ".join(("render_service.compositor.processes.worker_process", *PROCESS_MODULES)))
    assert {"av", "cv2", "numpy"} <= loaded
    unused = {
        "pydantic",
        "pydantic_settings",
        "prometheus_client",
        "sqlalchemy",
        "psycopg",
        "redis",
        "httpx",
        "structlog",
        "opentimelineio",
        "ssl",
        "http",
    }
    assert not unused & {name.split(".")[0] for name in loaded}


def test_the_worker_loads_neither_grpc_nor_what_its_processes_draw_with() -> None:
    loaded = loaded_by("render_service.worker.worker")
    assert "dramatiq.worker" in loaded
    unused = {"grpc", "av", "cv2", "numpy", "PIL", "uharfbuzz", "icu4py", "onnxruntime"}
    assert not unused & {name.split(".")[0] for name in loaded}
    assert not {name for name in loaded if name.startswith(("render_service.server", "render_service.compositor.draw"))}


def test_a_worker_starts_its_processes_before_it_loads_what_they_do_not_need() -> None:
    loaded = {name.split(".")[0] for name in loaded_by("render_service.worker.launch, render_service.cli.main")}
    assert not {"sqlalchemy", "psycopg", "redis", "dramatiq", "httpx", "prometheus_client", "structlog"} & loaded


def test_the_server_loads_neither_engine_nor_providers_nor_compositor_nor_codecs() -> None:
    loaded = loaded_by("render_service.server.server")
    assert "grpc.aio" in loaded
    for heavy in ("render_service.engine", "render_service.providers", "render_service.compositor", "av", "cv2"):
        assert not {name for name in loaded if name == heavy or name.startswith(heavy + ".")}, heavy


@pytest.mark.parametrize("command", ["render_service.cli.main", "render_client.cli.main"])
def test_help_loads_only_what_it_prints(command: str) -> None:
    heavy = {
        "grpc",
        "google",
        "redis",
        "sqlalchemy",
        "psycopg",
        "pydantic",
        "pydantic_settings",
        "structlog",
        "dramatiq",
        "av",
    }
    assert not heavy & {name.split(".")[0] for name in loaded_by(command)}


def test_a_command_that_prints_a_job_loads_neither_progress_bars_nor_the_reader_of_project_files() -> None:
    loaded = loaded_by("render_client.cli.output, render_client.sync")
    assert "rich.table" in loaded
    assert not {"rich.progress", "google.protobuf.json_format", "render_client.projects_file.loading"} & loaded
