"""Names code by its content: with other code or libraries, what it makes may be something else."""

import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from render_service.compositor.segments.reachable_sources import reachable_sources

_PACKAGE = Path(__file__).parents[2]


def code_fingerprint(entries: Iterable[str], libraries: Iterable[str], *facts: str) -> str:
    """Return a name that changes with everything that can change the output of modules.

    Args:
        entries: Full names of the modules; all modules of this package that they import count too.
        libraries: The packages that they use.
        facts: Whatever else their output depends on.

    Returns:
        A SHA-256 of 64 hexadecimal digits.
    """
    hashed = hashlib.sha256()
    sources = {name: code for entry in entries for name, code in reachable_sources(entry, _PACKAGE).items()}
    for name, source in sorted(sources.items()):
        hashed.update(f"{name} ".encode() + source)
    hashed.update(" ".join((*map(version, libraries), *facts)).encode())
    return hashed.hexdigest()


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
