"""Machines with and without AVX-512 draw the same bytes: a video may be drawn by several."""

import subprocess
import sys
from pathlib import Path

from render_service.compositor.processes.limits import child_environment


def lines_without(extensions: str, scratch: Path) -> list[str]:
    environment = {**child_environment(scratch), "PYTHONPATH": str(Path.cwd()), "OPENCV_CPU_DISABLE": extensions}
    command = [sys.executable, "-m", "tests.unit.compositor.drawing.drawn_hashes"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def test_transitions_and_layers_are_the_same_with_and_without_avx512(tmp_path: Path) -> None:
    with_all, without = lines_without("", tmp_path), lines_without("AVX512-SKX", tmp_path)
    assert len(with_all) > 28
    assert with_all == without
