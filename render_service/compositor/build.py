"""Names the build of everything that draws and encodes: another build may give other bytes."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import av
import cv2
import numpy as np
import PIL

from render_service.compositor.fonts import fonts_fingerprint


@cache
def build_fingerprint() -> str:
    """Return a short name that changes with this package's code, its fonts, and the libraries it draws with."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    libraries = (av.__version__, sorted(av.library_versions.items()), cv2.__version__, np.__version__, PIL.__version__)
    digest.update(repr(libraries).encode())
    # Phrases decide where lines break, coverage decides which face draws a letter.
    digest.update(f"{version('budoux')} {version('uharfbuzz')}".encode())
    digest.update(fonts_fingerprint().encode())
    return digest.hexdigest()[:16]
