"""The examples of the Python client's page, run as they stand against the running service."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from render_client import RenderClient, load_project, status_name
from render_client.projects_file.templates import template_text

from render_service.embedded.stack import Stack

PAGE = (Path(__file__).parents[2] / "clients" / "python" / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROJECT = {
    "storyboard": {"shots": [{"visual_description": "One", "duration": "1s"}]},
    "output": {"size": {"width": 320, "height": 180}, "quality": "QUALITY_PRESET_DRAFT"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a project file."""
    (tmp_path / "project.json").write_text(json.dumps(PROJECT))
    return tmp_path


@pytest.mark.parametrize(("number", "videos"), [(0, 1), (1, 3), (2, 0), (3, 0)])
def test_the_python_examples_run(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, videos: int
) -> None:
    monkeypatch.chdir(folder)
    exec(PYTHON[number], {"target": stack.target, "token": "rk_example", "workspace": "readme"})
    assert len(list(folder.glob("*.mp4"))) == videos


def test_the_shell_examples_run(stack: Stack, folder: Path) -> None:
    with RenderClient(stack.target, workspace="readme") as client:
        job = client.wait(client.start(load_project(folder / "project.json")).job_id)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RENDER_TARGET": stack.target,
        "RENDER_WORKSPACE": "readme",
        "XDG_CONFIG_HOME": str(folder),
        "JOB_ID": job.job_id,
    }
    ran = subprocess.run(
        ["bash", "-euc", "\n".join(SHELL)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert (folder / "video.mp4").stat().st_size > 1000
    assert (folder / "poster.jpg").read_bytes().startswith(b"\xff\xd8")
    assert (folder / f"{job.job_id}-contact-sheet.jpg").read_bytes().startswith(b"\xff\xd8")
    assert job.job_id in ran.stdout


def test_the_sample_of_render_init_is_accepted(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "sample.yaml"
    file.write_text(template_text("sample", file), encoding="utf-8")
    with RenderClient(stack.target, workspace="readme") as client:
        job = client.wait(client.start(load_project(file), provider="mock").job_id)
    assert status_name(job.status) == "COMPLETED"
