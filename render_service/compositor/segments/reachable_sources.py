"""Finds the sources that a module can reach through imports: what can change the bytes that it writes."""

import ast
from collections.abc import Iterator
from pathlib import Path


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
