"""The fonts that a workspace has uploaded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from render_service.domain.layers.uploaded_fonts import WORKSPACE, FontFile, family_key

MAX_FONTS = 100
"""Font files of a workspace."""
MAX_FONT_BYTES = 200 * 1024 * 1024
"""Bytes of all font files of a workspace."""


class FontLicense(StrEnum):
    """What a font says of embedding (OpenType specification, OS/2, fsType); a restricted font is refused."""

    INSTALLABLE = "INSTALLABLE"
    EDITABLE = "EDITABLE"
    PREVIEW_AND_PRINT = "PREVIEW_AND_PRINT"


@dataclass(frozen=True, slots=True)
class FontFacts:
    """What a font file says of itself.

    Args:
        family: The name of its family.
        min_weight: Its lightest weight, 1–1000.
        max_weight: Its heaviest weight; the same unless it is variable.
        italic: Whether its letters slant.
        license: What it says of embedding.
        characters: How many characters it draws.
        scripts: The scripts that it draws, ISO 15924 codes in alphabetical order.
    """

    family: str
    min_weight: int
    max_weight: int
    italic: bool
    license: FontLicense
    characters: int
    scripts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedFont:
    """A font file that was written anew.

    Args:
        facts: What it says of itself.
        content: The file.
        sha256: Of the file, 64 lower-case hexadecimal digits.
        dropped: Tags of the tables of the caller's file that it lacks: programs, pictures and others.
    """

    facts: FontFacts
    content: bytes
    sha256: str
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredFont:
    """A font file of a workspace as stored; `created` is aware UTC."""

    id: UUID
    facts: FontFacts
    sha256: str
    size_bytes: int
    created: datetime

    @property
    def name(self) -> str:
        """What texts call its family."""
        return WORKSPACE + self.facts.family

    @property
    def family_key(self) -> str:
        """The key of its family."""
        return family_key(self.facts.family)

    @property
    def file(self) -> FontFile:
        """It as a file of its family."""
        return FontFile(self.facts.min_weight, self.facts.max_weight, self.facts.italic, self.sha256)


@dataclass(frozen=True, slots=True)
class PinnedFont:
    """A font file that a job draws with: its SHA-256, and its key in the object store."""

    sha256: str
    key: str


def scripts_of(counts: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Return the scripts that a font draws, given how many letters of each it has: a few are no script."""
    few = 10
    return tuple(sorted(script for script, count in counts if count >= few and script not in ("Zyyy", "Zinh", "Zzzz")))
