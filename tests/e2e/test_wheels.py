"""The built wheels run without the repository: `render-service demo` in an empty folder makes the video."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import av
import pytest

from scripts import build_dist

ROOT = Path(__file__).parents[2]


def test_what_is_published_has_one_version_which_the_changelog_begins_with() -> None:
    (version,) = set(build_dist.versions().values())
    assert build_dist.changelog_versions()[0] == version


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of the service and of its Python client, by distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in (ROOT, ROOT / "clients/python"):
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(build, cwd=source, check=True, capture_output=True, text=True)
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.iterdir()}


@pytest.fixture(scope="module")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with nothing but the wheels; what they depend on is this environment's."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    install = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python)]
    subprocess.run([*install, *map(str, wheels.values())], check=True, capture_output=True, text=True)
    # A folder that a .pth file names is no site folder: the editable installations in it stay unseen.
    (next((folder / "lib").iterdir()) / "site-packages/dependencies.pth").write_text(
        sysconfig.get_path("purelib") + "\n", encoding="utf-8"
    )
    return folder


def metadata_of(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.mark.long
def test_the_demo_of_the_wheel_makes_the_video_in_an_empty_folder(environment: Path, tmp_path: Path) -> None:
    (sample,) = (environment / "lib").glob("python*/site-packages/render_service/samples/harbour/project.json")
    project = json.loads(sample.read_text(encoding="utf-8"))
    assert project == json.loads((ROOT / "samples/harbour/project.json").read_text(encoding="utf-8"))
    # The whole film, in a size that takes little time to encode.
    small = {"size": {"width": 640, "height": 360}, "fps": 24, "quality": "QUALITY_PRESET_DRAFT"}
    sample.write_text(json.dumps(project | {"output": small}), encoding="utf-8")
    ran = subprocess.run(
        [str(environment / "bin/render-service"), "demo"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.defpath, "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Everything is stopped" in ran.stdout
    with av.open(str(tmp_path / "out/demo.mp4")) as container:
        assert container.streams.video[0].frames > 100
    assert (tmp_path / "out/demo.jpg").stat().st_size > 10_000


def test_it_is_the_wheels_code_that_runs(environment: Path, tmp_path: Path) -> None:
    program = "import render_client, render_service; print(render_client.__file__, render_service.__file__)"
    ran = subprocess.run(
        [str(environment / "bin/python"), "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert all(Path(file).is_relative_to(environment) for file in ran.stdout.split())


@pytest.mark.parametrize("name", ["render_service", "render_client"])
def test_a_wheel_has_its_licence_and_metadata_that_registries_read(wheels: dict[str, Path], name: str) -> None:
    metadata = metadata_of(wheels[name])
    assert (metadata["Metadata-Version"], metadata["License-Expression"]) == ("2.4", "Apache-2.0")
    assert "LICENSE" in metadata.get_all("License-File", [])


def test_the_wheel_with_its_extra_asks_for_what_the_demo_is_pinned_to(wheels: dict[str, Path]) -> None:
    required = metadata_of(wheels["render_service"]).get_all("Requires-Dist", [])
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "requirements/embedded.txt").read_text(encoding="utf-8"), re.MULTILINE)
    demo = [requirement for requirement in required if "extra ==" not in requirement or "embedded" in requirement]
    names = {re.split(r"[ \[<>=~;]", requirement)[0].lower() for requirement in demo}
    assert names - {"render-client"} <= set(pinned)
    assert any('extra == "embedded"' in requirement.replace("'", '"') for requirement in required)
