"""Runs a caller's main job with the oldest and the newest versions that the clients support: `make corners`.

A corner whose interpreter is not to be had on this machine is named and left out.
"""

import sys
import tempfile
from pathlib import Path

from tests.corners import checkers, go, java, node, python
from tests.corners.service import running_service


def main() -> int:
    """Run all corners.

    Returns:
        1 if any failed.
    """
    outcomes: list[bool | None] = []
    with tempfile.TemporaryDirectory() as name, running_service() as target:
        for language in (python, checkers, node, go, java):
            folder = Path(name) / language.__name__.rpartition(".")[2]
            folder.mkdir()
            outcomes += language.run_corners(folder, target)
    ran = [outcome for outcome in outcomes if outcome is not None]
    print(f"{sum(ran)} of {len(outcomes)} corners are right, {len(outcomes) - len(ran)} have no interpreter here")
    return 0 if ran and all(ran) else 1


if __name__ == "__main__":
    sys.exit(main())
