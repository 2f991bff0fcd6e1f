"""What a project sets beats its brand kit, defaults included: from the request, through storage, to the render."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st
from render_client.v1 import project_pb2 as pb

from render_service.db.row_mapping import PROJECT
from render_service.domain.brand.kit import BrandKit, apply_kit
from render_service.domain.errors import InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.layers.brand import BrandFonts
from render_service.domain.projects.looks.captions import CaptionPosition, CaptionPreset, Platform
from render_service.domain.projects.looks.references import EXCLUDABLE
from render_service.domain.projects.project import CaptionOptions, CaptionStyle, Card, Music, Project, Watermark
from render_service.domain.projects.validation import check_project
from render_service.server.mapping.project import project_from_proto, project_to_proto
from tests.unit.server.test_mapping_project import stored as as_stored

FIELDS = {field.name: field for field in pb.CaptionOptions.DESCRIPTOR.fields}
KIT = BrandKit(
    "acme",
    BrandFonts(caption="Anton"),
    captions=CaptionOptions(
        style=CaptionStyle.BOX,
        scale=1.5,
        highlight_words=True,
        burn_in=False,
        preset=CaptionPreset.NEON,
        position=CaptionPosition.TOP,
        color="#111111",
        highlight_color="#222222",
        words_per_cue=3,
        platform=Platform.TIKTOK,
        from_audio=True,
        avoid_faces=True,
        font="Poppins",
    ),
    watermark=Watermark("https://example.com/logo.png"),
    intro_clip_uri="https://example.com/intro.mp4",
    outro_clip_uri="https://example.com/outro.mp4",
    title_card=Card("Acme"),
    end_card=Card("Bye"),
    music=Music("https://example.com/theme.m4a"),
)
DEFAULTS: dict[str, Any] = {"scale": 1.0, "burn_in": True}
OTHERS: dict[str, Any] = {
    "style": 1,
    "scale": 0.75,
    "highlight_words": True,
    "burn_in": False,
    "preset": 2,
    "position": 2,
    "color": "#ABCDEF",
    "highlight_color": "#FEDCBA",
    "words_per_cue": 5,
    "platform": 2,
    "from_audio": True,
    "avoid_faces": True,
    "font": "Inter",
}


def rendered(captions: pb.CaptionOptions, excludes: tuple[str, ...] = ()) -> tuple[CaptionOptions, CaptionOptions]:
    """Return caption options as sent, and as rendered with the kit once they were stored, answered and stored again."""
    message = pb.Project(captions=captions, brand_kit="acme", brand_kit_excludes=excludes)
    faults = Faults()
    for _ in range(2):
        project = project_from_proto(message, "project", faults)
        faults.raise_if_any()
        stored = PROJECT.validate_json(PROJECT.dump_json(project))
        assert stored == project
        message = project_to_proto(as_stored(stored))
    filled = apply_kit(stored, KIT, "project", faults)
    faults.raise_if_any()
    return project.captions, filled.captions


def test_the_kit_of_these_tests_sets_every_field_to_something_else_than_its_default() -> None:
    omitted = CaptionOptions()
    assert [name for name in FIELDS if getattr(KIT.captions, name) == getattr(omitted, name)] == []
    assert set(OTHERS) == set(FIELDS)
    with_presence = {name for name, field in FIELDS.items() if field.has_presence}
    assert set(DEFAULTS) == with_presence, "fields without presence are excluded by name"


@given(set_to_default=st.sets(st.sampled_from(sorted(DEFAULTS))), set_to_other=st.sets(st.sampled_from(sorted(OTHERS))))
def test_every_field_that_is_set_beats_the_kit_and_every_other_is_the_kits(
    set_to_default: set[str], set_to_other: set[str]
) -> None:
    values = {name: OTHERS[name] for name in set_to_other} | {name: DEFAULTS[name] for name in set_to_default}
    sent, filled = rendered(pb.CaptionOptions(**values))
    for name in FIELDS:
        assert getattr(filled, name) == getattr(sent if name in values else KIT.captions, name), name


@given(st.sets(st.sampled_from(sorted(FIELDS))))
def test_every_field_that_is_excluded_stays_omitted(names: set[str]) -> None:
    _, filled = rendered(pb.CaptionOptions(), tuple(f"captions.{name}" for name in sorted(names)))
    assert [name for name in names if getattr(filled, name) != getattr(CaptionOptions(), name)] == []


@pytest.mark.parametrize("name", [name for name in EXCLUDABLE if "." not in name])
def test_a_part_that_is_excluded_is_not_taken_from_the_kit(name: str) -> None:
    faults = Faults()
    filled = apply_kit(Project(brand_kit="acme", brand_kit_excludes=(name,)), KIT, "project", faults)
    faults.raise_if_any()
    assert getattr(filled, name) == getattr(Project(), name)
    assert all(getattr(filled, other) for other in EXCLUDABLE if other != name and "." not in other)
    assert not filled.brand_kit_excludes


def test_a_field_of_the_kits_preset_is_changed_without_naming_the_preset() -> None:
    sent = pb.CaptionOptions(position=pb.CAPTION_POSITION_MIDDLE)
    faults = Faults()
    message = pb.Project(captions=sent, brand_kit="acme")
    project = project_from_proto(message, "project", faults)
    assert check_project(project, "project", lambda uri: None, for_render=False) == []
    filled = apply_kit(project, KIT, "project", faults)
    assert (filled.captions.preset, filled.captions.position) == (CaptionPreset.NEON, CaptionPosition.MIDDLE)
    assert check_project(filled, "project", lambda uri: None, for_render=False) == []
    bare = apply_kit(project, BrandKit("bare"), "project", faults)
    found = check_project(bare, "project", lambda uri: None, for_render=False)
    assert [fault.field for fault in found] == ["project.captions.position"], "judged once the kit is applied"


def test_changes_of_a_preset_that_a_project_excludes_are_not_taken() -> None:
    _, filled = rendered(pb.CaptionOptions(), ("captions.preset",))
    assert (filled.preset, filled.position, filled.color, filled.words_per_cue) == (None, None, "", 0)
    assert filled.style is CaptionStyle.BOX


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (lambda message: message.brand_kit_excludes.extend(["music", "logo"]), ["project.brand_kit_excludes[2]"]),
        (lambda message: message.brand_kit_excludes.extend(["music", "music"]), ["project.brand_kit_excludes[2]"]),
        (lambda message: message.brand_kit_excludes.append("mu\0sic"), ["project.brand_kit_excludes[1]"]),
        (lambda message: message.ClearField("brand_kit"), ["project.brand_kit_excludes"]),
    ],
)
def test_wrong_names_are_refused_by_their_path(change: Callable[[pb.Project], None], fields: list[str]) -> None:
    message = pb.Project(brand_kit="acme", brand_kit_excludes=["end_card"])
    change(message)
    faults = Faults()
    project = project_from_proto(message, "project", faults)
    if not faults:
        faults.add_all(check_project(project, "project", lambda uri: None, for_render=False))
    with pytest.raises(InvalidFields) as caught:
        faults.raise_if_any()
    found = [fault.field for fault in caught.value.faults]
    assert found == fields


def test_names_beyond_those_that_exist_are_not_even_read() -> None:
    message = pb.Project(brand_kit="acme", brand_kit_excludes=["music"] * 500)
    project = project_from_proto(message, "project", Faults())
    assert len(project.brand_kit_excludes) == len(EXCLUDABLE) + 1
    found = check_project(project, "project", lambda uri: None, for_render=False)
    assert found[0].field == "project.brand_kit_excludes"


def test_presence_is_that_of_the_contract() -> None:
    for name, field in FIELDS.items():
        hint = CaptionOptions.__dataclass_fields__[name]
        if field.has_presence:
            assert hint.default is None, f"{name} could not be told from its default"
        elif field.type is not FieldDescriptor.TYPE_ENUM:
            assert not hint.default, f"{name} is omitted where the wire has nothing"
