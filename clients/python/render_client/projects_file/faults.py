"""What is wrong with a project file, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileFault:
    """One fault of a project file.

    Attributes:
        message: What is wrong, and the remedy.
        field: Path of the field, such as `storyboard.shots[0].duration`; empty if the fault is not that of a field.
        line: Line, from 1; 0 if the fault has no place in the text.
        column: Column in characters, from 1; 0 likewise.
    """

    message: str
    field: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `line:column: field: message`, without the parts that are unknown."""
        place = f"{self.line}:{self.column}" if self.line else ""
        return ": ".join(part for part in (place, self.field, self.message) if part)


class ProjectFileError(ValueError):
    """A project file is invalid. Its text has one line for each fault: `path:line:column: field: message`.

    Args:
        path: The file.
        faults: All faults, in the order of the file; at least one.
    """

    def __init__(self, path: Path, faults: Sequence[FileFault]) -> None:
        self.path = path
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{path}:{'' if fault.line else ' '}{fault}" for fault in faults))
