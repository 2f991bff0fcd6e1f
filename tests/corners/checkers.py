"""A strictly typed caller of the Python client, checked by mypy and pyright in an environment of its own."""

import json
import shutil
from pathlib import Path

from tests.corners.node import NPM, run
from tests.corners.python import build_wheel

CALLER = Path(__file__).with_name("caller.py")
PYRIGHT = "pyright@1.1.414"
# The types of what the client depends on, as the checkers' messages tell callers to install them.
STUBS = ("types-protobuf", "types-grpcio")


def run_corners(folder: Path, _target: str) -> list[bool | None]:
    """Check the caller's module with each checker; prints what they find."""
    environment = folder / "venv"
    python = str(environment / "bin/python")
    shutil.copy(CALLER, folder)
    (folder / "package.json").write_text("{}")
    settings = {"typeCheckingMode": "strict", "include": [CALLER.name], "venvPath": ".", "venv": environment.name}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    wheel = build_wheel(folder)
    if wheel is None or not (
        run(("uv", "venv", "--quiet", str(environment)), folder)
        and run(("uv", "pip", "install", "--quiet", "--python", python, str(wheel), "mypy", *STUBS), folder)
        and run((*NPM, "install", PYRIGHT), folder)
    ):
        return [False]
    checks: dict[str, tuple[str, ...]] = {
        "mypy --strict": (python, "-m", "mypy", "--strict", CALLER.name),
        "pyright in strict mode": ("node", "node_modules/pyright/index.js"),
    }
    outcomes: list[bool | None] = []
    for name, command in checks.items():
        right = run(command, folder)
        print(f"{name}: right" if right else f"{name}: wrong")
        outcomes.append(right)
    return outcomes
