"""The stubs lie in the client's own package: a caller's modules do not shadow them, and the old import still works."""

import subprocess
import sys
from pathlib import Path

from render_client.v1 import project_pb2


def run(program: str, folder: Path) -> str:
    """Run a program that lies in a folder with the caller's other modules; return what it printed."""
    (folder / "program.py").write_text(program)
    command = [sys.executable, "-W", "error", str(folder / "program.py")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_callers_own_render_module_shadows_nothing(tmp_path: Path) -> None:
    (tmp_path / "render.py").write_text("OWN = 'mine'")
    program = """
import render
from render_client import RenderClient, load_project
from render_client.v1 import project_pb2

with RenderClient("127.0.0.1:1"):
    print(render.OWN, project_pb2.Project(title="Sea").title)
"""
    assert run(program, tmp_path) == "mine Sea\n"


def test_the_old_import_gives_the_same_modules_with_a_warning(tmp_path: Path) -> None:
    program = """
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from render.v1 import project_pb2
    from render.v1.render_service_pb2_grpc import RenderServiceStub
    import render.v1.job_pb2

import render_client.v1.project_pb2
import render_client.v1.render_service_pb2_grpc

assert project_pb2 is render_client.v1.project_pb2
assert RenderServiceStub is render_client.v1.render_service_pb2_grpc.RenderServiceStub
assert render.v1.job_pb2.Job is render_client.v1.job_pb2.Job
(warning,) = caught
print(warning.category.__name__, warning.message, warning.filename.rpartition("/")[2])
"""
    assert run(program, tmp_path) == (
        "DeprecationWarning render.v1 has moved: import render_client.v1 instead program.py\n"
    )


def test_the_stubs_come_from_tools_that_old_runtimes_accept() -> None:
    code = Path(project_pb2.__file__).read_text(encoding="utf-8")
    # A newer generator writes a check that refuses every runtime older than itself.
    assert "Protobuf Python Version: 4.25" in code
    assert "runtime_version" not in code
