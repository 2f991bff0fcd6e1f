"""Where a project refers to the colors and fonts of its brand kit."""

import re
from collections.abc import Iterator
from dataclasses import fields

from render_service.domain.errors import FieldFault
from render_service.domain.layers.brand_names import BRAND
from render_service.domain.projects.project import CaptionOptions, Project
from render_service.domain.text_fields import Change, TextFields

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
KIT_FIELDS = ("watermark", "intro_clip_uri", "outro_clip_uri", "title_card", "end_card", "music")
"""Fields of a project that a brand kit fills as wholes."""
EXCLUDABLE = (*KIT_FIELDS, "captions", *(f"captions.{item.name}" for item in fields(CaptionOptions)))
"""What `Project.brand_kit_excludes` can name."""
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
    """Yield what is wrong with the name of a project's brand kit and with what is excluded, and references without one.

    Args:
        project: The project.
        path: Its path in the request.
        is_template: Whether the name may have variables.
    """
    yield from _excluded(project, f"{path}.brand_kit_excludes")
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


def _excluded(project: Project, path: str) -> Iterator[FieldFault]:
    names = project.brand_kit_excludes
    if names and not project.brand_kit:
        yield FieldFault(path, "is for projects with a brand_kit; omit it")
        return
    if len(names) > len(EXCLUDABLE):
        yield FieldFault(path, f"must have at most {len(EXCLUDABLE)} names")
    for index, name in enumerate(names[: len(EXCLUDABLE)]):
        if name not in EXCLUDABLE:
            yield FieldFault(f"{path}[{index}]", f"must be one of {', '.join(EXCLUDABLE)}")
        elif name in names[:index]:
            yield FieldFault(f"{path}[{index}]", "must be unique")
