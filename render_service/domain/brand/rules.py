"""The rules for brand kits; the contract's comments name the same limits."""

import re
from dataclasses import fields, replace

from render_service.domain.brand.kit import BrandKit, apply_kit
from render_service.domain.faults import Faults
from render_service.domain.layers.fonts import FONT_FAMILIES, family_fault
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.looks.references import kit_name_faults
from render_service.domain.projects.project import CaptionOptions, Project
from render_service.domain.projects.template import has_variables
from render_service.domain.projects.validation import UriFault, check_project
from render_service.domain.text_fields import TextFields

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_SOUND_COLOR, _SOUND_FONT = "#000000", FONT_FAMILIES[0].name
_TEXTS = TextFields("{{", lambda key: True, {})


def check_kit(kit: BrandKit, path: str, uri_fault: UriFault, faults: Faults) -> None:
    """Find everything that is wrong with a kit.

    Args:
        kit: Any kit.
        path: Its path in the request.
        uri_fault: The rule for URIs.
        faults: Takes the faults.
    """
    if not kit.name:
        faults.add(f"{path}.name", "is required")
    faults.add_all(kit_name_faults(kit.name, f"{path}.name"))
    for item in fields(kit.fonts):
        font = getattr(kit.fonts, item.name)
        if font and (fault := family_fault(font)):
            faults.add(f"{path}.fonts.{item.name}", fault)
            # What names it would have the same fault.
            kit = replace(kit, fonts=replace(kit.fonts, **{item.name: _SOUND_FONT}))
    for item in fields(kit.colors):
        color = getattr(kit.colors, item.name)
        if color and not _COLOR.fullmatch(color):
            faults.add(f"{path}.colors.{item.name}", "must be a color such as #FFC940")
            kit = replace(kit, colors=replace(kit.colors, **{item.name: _SOUND_COLOR}))
    _refuse_variables(kit, path, faults)
    # What else it has is part of a project, under the same names: as that, it obeys the rules of projects.
    # How captions change a preset may also be meant for that of a project.
    preset = kit.captions.preset or CaptionPreset.CLEAN
    project = apply_kit(Project(captions=CaptionOptions(preset=preset)), kit, path, faults)
    faults.add_all(check_project(project, path, uri_fault, for_render=False))


def _refuse_variables(kit: BrandKit, path: str, faults: Faults) -> None:
    """Add a fault for every text with a variable, which would be drawn as it is."""

    def check(text: str, place: str) -> str:
        if has_variables(text):
            faults.add(place, "must not have variables such as {{name}}: they are for projects")
        return text

    _TEXTS.changed(kit, path, check)
