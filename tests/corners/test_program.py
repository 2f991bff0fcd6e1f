"""The corners' program with the versions of this environment, and what would break older ones."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corners.service import running_service

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients/python/render_client"


def test_the_program_of_the_corners_runs_here(tmp_path: Path) -> None:
    program = ROOT / "tests/corners/program.py"
    with running_service() as target:
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(program), target, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("module", [str(file.relative_to(CLIENT)) for file in sorted(CLIENT.rglob("*.py"))])
def test_a_module_of_the_client_can_be_read_by_its_oldest_python(module: str) -> None:
    tree = ast.parse((CLIENT / module).read_text("utf-8"), feature_version=(3, 9))
    deferred = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    evaluated = [] if deferred else [node for node in ast.walk(tree) if is_union(node)]
    assert not evaluated, "Python 3.9 has no `X | Y` in annotations that are evaluated"


def is_union(node: ast.AST) -> bool:
    """Whether a node is a union with None, as in annotations."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.BitOr):
        return False
    return isinstance(node.right, ast.Constant) and node.right.value is None
