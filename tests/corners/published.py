"""Installs what `make dist` built into empty projects, and runs it there: the last step of `make dist`.

    python -m tests.corners.published out/dist

Also checks what can be checked here of a Mac with an arm64 processor: that the index has wheels for it of everything
that the demo pins, and that no code calls what only Linux has without asking for the system first.
"""

import sys
import tempfile
from pathlib import Path

from tests.corners.node import PROGRAM, ROOT, install_package, run
from tests.corners.service import running_service

EMBEDDED = str(ROOT / "requirements/embedded.txt")


def try_client(archive: Path, folder: Path, target: str) -> bool:
    """Install the Python client from a wheel or a source archive, and run a caller's main job and the command."""
    python = str(folder / "venv/bin/python")
    program = str(ROOT / "tests/corners/program.py")
    return all(
        run(command, folder)
        for command in (
            ("uv", "venv", "--quiet", str(folder / "venv")),
            ("uv", "pip", "install", "--quiet", "--python", python, f"{archive}[cli]"),
            (python, "-W", "error", program, target, str(folder)),
            (str(folder / "venv/bin/render"), "--target", target, "list"),
        )
    )


def try_service(archive: Path, client: Path, folder: Path) -> bool:
    """Install the service from a wheel or a source archive, and render the demo in an empty folder."""
    python = str(folder / "venv/bin/python")
    packages = (f"{archive}[embedded]", f"{client}[cli]", "--constraints", EMBEDDED)
    return all(
        run(command, folder)
        for command in (
            ("uv", "venv", "--quiet", str(folder / "venv")),
            ("uv", "pip", "install", "--quiet", "--python", python, *packages),
            (str(folder / "venv/bin/render-service"), "demo"),
        )
    )


def try_package(package: Path, folder: Path, target: str) -> bool:
    """Install the npm package, and run a caller's main job as an ES module and as CommonJS."""
    return install_package(package, folder) and all(
        run(("node", PROGRAM.name, how, target, str(folder)), folder) for how in ("import", "require")
    )


def has_wheels_for_macos(folder: Path) -> bool:
    """Whether the index has a wheel for macOS 14 on arm64 of every package that the demo pins."""
    resolve = (
        "uv",
        "pip",
        "install",
        "--dry-run",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    )
    platform = ("--python-platform", "aarch64-apple-darwin", "--python-version", "3.12", "--target", str(folder))
    return run((*resolve, *platform, "--requirement", EMBEDDED), folder, MACOSX_DEPLOYMENT_TARGET="14.0")


def runs_on_macos(folder: Path) -> bool:
    """Whether a type checker finds everything that the code calls on macOS too."""
    check = ("mypy", "--platform", "darwin", "--cache-dir", str(folder))
    return run((*check, "render_service", "clients/python/render_client"), ROOT)


def main() -> int:
    """Try everything; the exit status of the process."""
    built = Path(sys.argv[1]).absolute()
    ((client,), (client_source,), (service,), (service_source,), (package,)) = (
        list(built.glob(pattern))
        for pattern in (
            "render_client-*.whl",
            "render_client-*.tar.gz",
            "render_service-*.whl",
            "render_service-*.tar.gz",
            "render-client-*.tgz",
        )
    )
    outcomes = {}
    with tempfile.TemporaryDirectory() as name, running_service() as target:
        checks = {
            client.name: lambda folder: try_client(client, folder, target),
            client_source.name: lambda folder: try_client(client_source, folder, target),
            service.name: lambda folder: try_service(service, client, folder),
            service_source.name: lambda folder: try_service(service_source, client, folder),
            package.name: lambda folder: try_package(package, folder, target),
            "wheels for macOS on arm64": has_wheels_for_macos,
            "calls on macOS": runs_on_macos,
        }
        for number, (what, check) in enumerate(checks.items()):
            folder = Path(name) / str(number)
            folder.mkdir()
            outcomes[what] = check(folder)
            print(f"{what}: {'right' if outcomes[what] else 'wrong'}", flush=True)
    return 0 if all(outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
