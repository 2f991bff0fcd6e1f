"""Fingerprints the code, fonts and libraries that decide a segment's bytes: another build may give other bytes."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import av
import cv2
import numpy as np
import PIL

from render_service.compositor.text.fonts import fonts_fingerprint

_PACKAGE = Path(__file__).parents[2]
# The functions that make a segment and a mix. Whatever they can reach through imports can change the bytes they write.
PICTURE_ENTRY = "render_service.compositor.drawing.segment"
SOUND_ENTRY = "render_service.compositor.sound.mixing"


@cache
def build_fingerprint(entry: str = PICTURE_ENTRY) -> str:
    """Return a short name that changes with everything that can change the output of a module, and with nothing else.

    Args:
        entry: Full name of the module that makes the output: `PICTURE_ENTRY` or `SOUND_ENTRY`.

    Returns:
        16 hexadecimal digits of a SHA-256 over the module and all modules of this package that it imports, directly or
        not, the fonts, and the versions of the libraries.
    """
    hashed = hashlib.sha256()
    for name, source in sorted(reachable_sources(entry, _PACKAGE).items()):
        hashed.update(f"{name} ".encode())
        hashed.update(source)
    libraries = (av.__version__, sorted(av.library_versions.items()), cv2.__version__, np.__version__, PIL.__version__)
    hashed.update(repr(libraries).encode())
    # Phrases decide where lines break, coverage decides which face draws a letter.
    packages = ("budoux", "icu4py", "pyphen", "uharfbuzz")
    hashed.update(" ".join(map(version, packages)).encode())
    hashed.update(fonts_fingerprint().encode())
    return hashed.hexdigest()[:16]


def reachable_sources(entry: str, package: Path) -> dict[str, bytes]:
    """Return the sources of a module and of everything in its package that it imports, directly or not.

    Args:
        entry: Full name of the module, which begins with the package's name.
        package: The folder of the package.

    Returns:
        Source by full module name.
    """
    found: dict[str, bytes] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        file = _file_of(name, package)
        if name in found or file is None:
            continue
        found[name] = file.read_bytes()
        waiting += _imports(found[name], package.name)
    return found


def _file_of(name: str, package: Path) -> Path | None:
    path = package.parent.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _imports(source: bytes, package: str) -> Iterator[str]:
    """Yield the names that a module may import from its package: modules, and what they define."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == package)
