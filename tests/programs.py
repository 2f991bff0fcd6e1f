"""Programs that come with the development requirements."""

import os
import shutil
import sys
from pathlib import Path


def program(name: str) -> str:
    """The path of a program of this virtual environment, whether or not it is activated, or else of PATH."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert found, f"{name} is missing: run `make setup`"
    return found
