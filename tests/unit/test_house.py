"""The rooms of the house know only those that they may: arrows point one way, and entries load only what they need."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import render_service

ROOT = Path(render_service.__file__).parent
# What each room may know beside itself.
ALLOWED = {
    "domain": set(),
    "config": {"domain"},
    "telemetry": {"domain"},
    "db": {"domain"},
    "storage": {"domain", "telemetry"},
    "fetch": set(),
    "progress": {"domain", "db", "telemetry"},
    "runtime": {"config", "db", "storage", "telemetry"},
    "queue": {"db", "progress", "telemetry"},
    "retention": {"domain", "db", "storage", "telemetry"},
    "compositor": {"domain", "telemetry"},
    "providers": {"config", "domain", "db", "fetch", "progress", "storage", "telemetry"},
    "webhooks": {"domain", "db", "fetch", "telemetry"},
    "engine": {"domain", "db", "storage", "fetch", "progress", "queue", "compositor", "providers", "telemetry"},
}


def imports_of(file: Path) -> set[str]:
    """The rooms that a module of the service imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = (
                [node.module] if node.module != "render_service" else [f"render_service.{a.name}" for a in node.names]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("render_service.")}
    return found


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_knows_only_those_that_it_may(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        strangers = imports_of(file) - ALLOWED[room] - {room}
        assert not strangers, f"{file.relative_to(ROOT)} imports {', '.join(sorted(strangers))}"


def test_server_and_worker_do_not_know_each_other() -> None:
    for room, others in (("server", {"worker", "engine", "providers", "compositor"}), ("worker", {"server"})):
        for file in (ROOT / room).rglob("*.py"):
            assert not imports_of(file) & others, file.relative_to(ROOT)


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


def test_the_worker_loads_no_grpc() -> None:
    loaded = loaded_by("render_service.worker.worker")
    assert "dramatiq.worker" in loaded
    assert not {name for name in loaded if name.split(".")[0] == "grpc" or name.startswith("render_service.server")}


def test_the_server_loads_neither_engine_nor_providers_nor_compositor_nor_codecs() -> None:
    loaded = loaded_by("render_service.server.server")
    assert "grpc.aio" in loaded
    for heavy in ("render_service.engine", "render_service.providers", "render_service.compositor", "av", "cv2"):
        assert not {name for name in loaded if name == heavy or name.startswith(heavy + ".")}, heavy


def test_help_is_given_without_loading_server_or_worker() -> None:
    loaded = loaded_by("render_service.cli.main")
    assert not {name for name in loaded if name.startswith(("grpc", "render_service.server", "render_service.worker"))}
