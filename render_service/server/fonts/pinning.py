"""Pins the uploaded fonts that a render names: what is uploaded or deleted later does not change it."""

from collections import defaultdict
from dataclasses import replace

from render_service.db.brand.fonts import WorkspaceFonts
from render_service.domain.brand.fonts import PinnedFont, StoredFont
from render_service.domain.faults import Faults
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.uploaded_fonts import named_families, pin_families
from render_service.server.interceptors.requests import off_loop
from render_service.storage.keys import font_key


class FontPinner:
    """Pins fonts.

    Args:
        fonts: The uploaded fonts in Postgres.
    """

    def __init__(self, fonts: WorkspaceFonts) -> None:
        self._fonts = fonts

    def cached(self) -> "FontPinner":
        """Return a pinner that reads each family once, for all rows of a batch."""
        return CachedFontPinner(self._fonts)

    async def pin(self, workspace_id: str, spec: RenderSpec) -> RenderSpec:
        """Return a render that names the files of its fonts.

        Raises:
            InvalidFields: The workspace lacks a family that the project names.
        """
        families = await off_loop(named_families, spec.project)
        if not families:
            return spec
        found = await self._find(workspace_id, families)
        faults = Faults()
        files = {family: [font.file for font in fonts] for family, fonts in found.items()}
        project = await off_loop(pin_families, spec.project, "project", files, faults)
        faults.raise_if_any()
        pinned = {
            font.sha256: PinnedFont(font.sha256, font_key(workspace_id, font.sha256, font.id))
            for fonts in found.values()
            for font in fonts
        }
        return replace(spec, project=project, fonts=tuple(pinned.values()))

    async def _find(self, workspace_id: str, families: frozenset[str]) -> dict[str, list[StoredFont]]:
        """Return the fonts of families by their keys."""
        found: dict[str, list[StoredFont]] = defaultdict(list)
        for font in await self._fonts.list(workspace_id, families):
            found[font.family_key].append(font)
        return found


class CachedFontPinner(FontPinner):
    """Reads each family once; all renders are of one workspace."""

    def __init__(self, fonts: WorkspaceFonts) -> None:
        super().__init__(fonts)
        self._found: dict[str, list[StoredFont]] = {}

    async def _find(self, workspace_id: str, families: frozenset[str]) -> dict[str, list[StoredFont]]:
        unknown = families - self._found.keys()
        if unknown:
            found = await super()._find(workspace_id, unknown)
            self._found.update({family: found.get(family, []) for family in unknown})
        return {family: self._found[family] for family in families}
