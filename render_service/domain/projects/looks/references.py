"""Where a project refers to the colors and fonts of its brand kit."""

import re
from collections.abc import Iterator

from render_service.domain.errors import FieldFault
from render_service.domain.layers.brand_names import BRAND
from render_service.domain.projects.project import Project
from render_service.domain.text_fields import Change, TextFields

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
STYLE_FIELDS = frozenset({"color", "background", "accent", "highlight_color", "font"})
"""Names of the fields that can hold a reference."""
_REFERENCES = TextFields(
    BRAND, lambda key: key.rpartition(".")[2] in STYLE_FIELDS, {"Project.shots": "storyboard.shots"}
)


def kit_name_faults(name: str, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with the name of a brand kit, if there is one; `path` is its path in the request."""
    if name and not _NAME.fullmatch(name):
        yield FieldFault(path, "must be 1 to 64 characters a–z 0–9 _ -, starting with a letter or digit")


def changed_references(project: Project, path: str, change: Change) -> Project:
    """Return a project with its references changed; `path` is its path in the request."""
    return _REFERENCES.changed(project, path, change)


def brand_faults(project: Project, path: str, *, is_template: bool) -> Iterator[FieldFault]:
    """Yield what is wrong with the name of a project's brand kit, and every reference without one.

    Args:
        project: The project.
        path: Its path in the request.
        is_template: Whether the name may have variables.
    """
    if project.brand_kit:
        if not (is_template and "{{" in project.brand_kit):
            yield from kit_name_faults(project.brand_kit, f"{path}.brand_kit")
        return
    places: list[str] = []

    def note(reference: str, place: str) -> str:
        places.append(place)
        return reference

    changed_references(project, path, note)
    for place in places:
        yield FieldFault(place, f"must not refer to a brand kit where {path}.brand_kit is empty")
