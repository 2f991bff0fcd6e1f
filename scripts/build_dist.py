"""Build what is published: wheels and source archives of the service and its Python client, and the npm package.

    python scripts/build_dist.py out/dist

All of them have one version, which the changelog has a section for. twine and npm check them as their registries would;
nothing is uploaded.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_PROJECTS = (ROOT, ROOT / "clients/python")
TYPESCRIPT = ROOT / "clients/typescript"
TWINE = "twine==7.0.0"


def versions() -> dict[str, str]:
    """Return the version that each published project declares, by the path of the file."""
    found = {}
    for project in PYTHON_PROJECTS:
        file = project / "pyproject.toml"
        found[str(file.relative_to(ROOT))] = tomllib.loads(file.read_text("utf-8"))["project"]["version"]
    for name in ("package.json", "package-lock.json"):
        file = TYPESCRIPT / name
        found[str(file.relative_to(ROOT))] = json.loads(file.read_text("utf-8"))["version"]
    return found


def changelog_versions() -> list[str]:
    """Return the versions that the changelog has sections for, newest first."""
    return re.findall(r"^## (\d+\.\d+\.\d+)\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def build(folder: Path) -> None:
    """Build everything into a folder, which is emptied first.

    Raises:
        subprocess.CalledProcessError: If a build or a check fails.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for project in PYTHON_PROJECTS:
        run(project, sys.executable, "-m", "hatchling", "build", "--directory", str(folder))
    run(TYPESCRIPT, "npm", "pack", "--silent", "--pack-destination", str(folder))
    python = [str(file) for file in folder.iterdir() if file.name.endswith((".whl", ".tar.gz"))]
    run(ROOT, "uv", "tool", "run", "--quiet", "--from", TWINE, "twine", "check", "--strict", *python)
    (package,) = folder.glob("*.tgz")
    run(ROOT, "npm", "publish", "--dry-run", "--loglevel", "error", str(package))


def run(folder: Path, *command: str) -> None:
    """Run a program; its failure is an error."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)


def main() -> int:
    """Build, unless the versions disagree; the exit status of the process."""
    found = versions()
    if len(set(found.values())) != 1:
        print(f"versions differ: {found}", file=sys.stderr)
        return 1
    version = next(iter(found.values()))
    if changelog_versions()[:1] != [version]:
        print(f"CHANGELOG.md: its first section is not of version {version}", file=sys.stderr)
        return 1
    folder = Path(sys.argv[1]).absolute()
    build(folder)
    for file in sorted(folder.iterdir()):
        print(f"{file.stat().st_size / 1e6:6.2f} MB  {file.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
