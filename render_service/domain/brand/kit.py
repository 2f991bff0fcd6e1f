"""A brand kit, and a project with the kit's values in place of what it omits."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from render_service.domain.faults import Faults
from render_service.domain.layers.brand import Brand, BrandColors, BrandFonts
from render_service.domain.layers.brand_names import COLOR_ROLES, FONT_ROLES, role_of
from render_service.domain.layers.fonts import LONGEST_FONT_NAME
from render_service.domain.layers.model import Layer, ShapeKind
from render_service.domain.projects.looks.references import KIT_FIELDS, changed_references
from render_service.domain.projects.looks.rules import PRESET_CHANGES
from render_service.domain.projects.project import CaptionOptions, Card, Music, Project, Shot, Watermark

MAX_KITS = 50
"""Brand kits of a workspace."""


@dataclass(frozen=True, slots=True)
class BrandKit:
    """What the videos of a brand share. Fields that a project has, too, take the place of those that it omits."""

    name: str
    fonts: BrandFonts = field(default_factory=BrandFonts)
    colors: BrandColors = field(default_factory=BrandColors)
    watermark: Watermark | None = None
    captions: CaptionOptions = field(default_factory=CaptionOptions)
    intro_clip_uri: str = ""
    outro_clip_uri: str = ""
    title_card: Card | None = None
    end_card: Card | None = None
    music: Music | None = None


@dataclass(frozen=True, slots=True)
class StoredBrandKit:
    """A brand kit as stored; `etag` is the version that an update takes. Times are aware UTC."""

    kit: BrandKit
    etag: str
    create_time: datetime
    update_time: datetime


def apply_kit(project: Project, kit: BrandKit, path: str, faults: Faults) -> Project:
    """Return a project with a kit's values in place of what it omits, and with its references resolved.

    What the project says itself stays, and what it excludes stays omitted. The result names no kit.

    Args:
        project: A project with its variables filled in.
        kit: The kit that it names.
        path: Path of the project in the request.
        faults: Takes a fault for every reference to what the kit lacks.
    """

    def resolve(reference: str, place: str) -> str:
        color, font = role_of(reference, COLOR_ROLES), role_of(reference, FONT_ROLES)
        found = kit.colors.of(color) if color else kit.fonts.of(font) if font else ""
        if not found:
            faults.add(place, f"must name what the brand kit {kit.name} has, not {reference[:LONGEST_FONT_NAME]}")
        return found

    excluded = frozenset(project.brand_kit_excludes)
    shared = {name: getattr(project, name) or getattr(kit, name) for name in KIT_FIELDS if name not in excluded}
    filled = replace(
        project,
        **shared,
        brand_kit="",
        brand_kit_excludes=(),
        brand=Brand(kit.colors, kit.fonts),
        captions=project.captions if "captions" in excluded else _captions(project.captions, kit, excluded),
        layers=_layers(project.layers, kit),
        shots=tuple(_shot(shot, kit) for shot in project.shots),
    )
    return changed_references(filled, path, resolve)


def _captions(own: CaptionOptions, kit: BrandKit, excluded: Collection[str]) -> CaptionOptions:
    """Return caption options with the kit's in place of those that are omitted: None, empty, 0 or False."""
    given = replace(kit.captions, font=kit.captions.font or kit.fonts.of("caption"))
    omitted = CaptionOptions()
    filled = {
        item.name: getattr(given, item.name)
        for item in fields(CaptionOptions)
        if getattr(own, item.name) == getattr(omitted, item.name) and f"captions.{item.name}" not in excluded
    }
    if (filled.get("preset") or own.preset) is None:
        # How the kit changes its preset says nothing without one.
        filled = {name: value for name, value in filled.items() if name not in PRESET_CHANGES}
    return replace(own, **filled)


def _shot(shot: Shot, kit: BrandKit) -> Shot:
    return replace(shot, layers=_layers(shot.layers, kit)) if shot.layers else shot


def _layers(layers: tuple[Layer, ...], kit: BrandKit) -> tuple[Layer, ...]:
    """Return layers with the kit's fonts and colors where they name none."""
    return tuple(_filled(layer, kit) for layer in layers)


def _filled(layer: Layer, kit: BrandKit) -> Layer:
    text, shape, stroke = layer.text, layer.shape, layer.stroke
    if text is not None:
        color = text.style.color or ("" if text.style.gradient else kit.colors.text)
        text = replace(text, style=replace(text.style, font=text.style.font or kit.fonts.body, color=color))
    elif shape is not None and not (shape.color or shape.gradient or stroke) and shape.kind is not ShapeKind.LINE:
        shape = replace(shape, color=kit.colors.primary or kit.colors.accent)
    if stroke is not None and not stroke.color:
        stroke = replace(stroke, color=kit.colors.of("accent"))
    return replace(layer, text=text, shape=shape, stroke=stroke)
