"""The Python client with the oldest and the newest versions that it supports, each in a fresh environment."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Python, and the packages to pin; the resolver chooses the rest.
CORNERS = (
    ("3.9", ("protobuf==4.25.*", "grpcio==1.62.*")),
    ("3.10", ("protobuf==5.29.*", "grpcio==1.66.*")),
    ("3.12", ("protobuf==6.33.*", "grpcio==1.76.*")),
    ("3.13", ("protobuf>=7.36", "grpcio>=1.85")),
    ("3.14", ("protobuf>=7.36", "grpcio>=1.85")),
)


def uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run uv; its output is kept."""
    return subprocess.run(["uv", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def find_python(version: str) -> str | None:
    """Find an interpreter on PATH, or among those of pyenv."""
    on_path = shutil.which(f"python{version}")
    candidates: list[str] = [
        *([on_path] if on_path else ()),
        *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
    ]
    for candidate in candidates:
        asked = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if asked.stdout.startswith(f"Python {version}."):
            return candidate
    return None


def build_wheel(folder: Path) -> Path | None:
    """Build the client's wheel; None if it fails, after printing why."""
    built = uv("build", "--quiet", "--wheel", "--out-dir", str(folder), "clients/python")
    if built.returncode:
        print(built.stderr)
        return None
    (wheel,) = folder.glob("*.whl")
    return wheel


def run_corner(python: str, pins: tuple[str, ...], wheel: Path, folder: Path, target: str) -> bool | None:
    """Run one corner; prints why it failed.

    Args:
        python: Version of Python.
        pins: Requirements beside the client.
        wheel: The client.
        folder: Where the environment goes.
        target: A running `SelfRunningService`.

    Returns:
        Whether it is right; None where this machine has no such interpreter.
    """
    environment = folder / "venv"
    found = find_python(python)
    if found is None or uv("venv", "--quiet", "--python", found, str(environment)).returncode:
        print(f"python {python}: not on this machine")
        return None
    interpreter = str(environment / "bin/python")
    installed = uv("pip", "install", "--quiet", "--python", interpreter, f"{wheel}[cli]", *pins)
    if installed.returncode:
        print(f"python {python}: cannot be installed\n{installed.stderr}")
        return False
    program = ROOT / "tests/corners/program.py"
    for command in (
        [interpreter, "-W", "error", str(program), target, str(folder)],
        [str(environment / "bin/render"), "--target", target, "list"],
    ):
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        print(ran.stdout if command[0] == interpreter else "", end="")
        if ran.returncode or ran.stderr:
            print(f"python {python} with {', '.join(pins)}: {Path(command[0]).name} failed\n{ran.stdout}{ran.stderr}")
            return False
    return True


def run_corners(folder: Path, target: str) -> list[bool | None]:
    """Build the client's wheel and run all corners; see `run_corner`."""
    wheel = build_wheel(folder)
    if wheel is None:
        return [False]
    outcomes = []
    for python, pins in CORNERS:
        place = folder / python
        place.mkdir()
        outcomes.append(run_corner(python, pins, wheel, place, target))
    return outcomes
