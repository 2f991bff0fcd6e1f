"""The files of uploaded fonts that the present task draws with, by their content."""

from collections.abc import Mapping
from pathlib import Path

_FILES: dict[str, Path] = {}


def provide_font_files(files: Mapping[str, Path]) -> None:
    """Set the files that names of fonts stand for, by SHA-256, in place of those of the task before.

    A worker process runs one task at a time, and all that it keeps of fonts is named by their content.
    """
    _FILES.clear()
    _FILES.update(files)


def uploaded_font_file(sha256: str) -> Path:
    """Return the file of an uploaded font.

    Raises:
        KeyError: The task was not given it.
    """
    return _FILES[sha256]
