"""Where a project names fonts that its workspace has uploaded."""

from collections.abc import Mapping, Sequence

from render_service.domain.faults import Faults
from render_service.domain.layers.uploaded_fonts import (
    WORKSPACE,
    FontFile,
    family_key,
    is_font_field,
    pinned_name,
    uploaded_family,
)
from render_service.domain.projects.project import Project
from render_service.domain.text_fields import TextFields

_NAMES = TextFields(WORKSPACE, is_font_field, {"Project.shots": "storyboard.shots", "Project.brand": "brand_kit"})


def named_families(project: Project) -> frozenset[str]:
    """Return the keys of the families that a project names; see `family_key`."""
    found: set[str] = set()

    def note(name: str, place: str) -> str:
        family = uploaded_family(name)
        if family is not None:
            found.add(family_key(family))
        return name

    _NAMES.changed(project, "", note)
    return frozenset(found)


def pin_families(project: Project, path: str, files: Mapping[str, Sequence[FontFile]], faults: Faults) -> Project:
    """Return a project that names files in place of families.

    Args:
        project: A valid project.
        path: Its path in the request.
        files: The files of each family, by its key.
        faults: Takes a fault for every family that is not there.
    """

    def pin(name: str, place: str) -> str:
        family = uploaded_family(name)
        if family is None:
            return name
        found = files.get(family_key(family))
        if not found:
            faults.add(place, f"must name a font of this workspace, which has none called {family}; upload it first")
            return name
        return pinned_name(found)

    return _NAMES.changed(project, path, pin)
