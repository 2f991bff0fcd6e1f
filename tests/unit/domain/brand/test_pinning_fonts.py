"""Every font that a render names is pinned, wherever it is named."""

import pytest

from render_service.domain.brand.kit import BrandKit, apply_kit
from render_service.domain.canonical import canonical_bytes
from render_service.domain.cards.model import QuoteCard, ShotCard
from render_service.domain.faults import Faults
from render_service.domain.layers.brand import BrandFonts
from render_service.domain.layers.model import Layer, TextLayer, TextStyle
from render_service.domain.layers.uploaded_fonts import (
    FontFile,
    family_key,
    family_name_fault,
    nearest_file,
    pinned_files,
    pinned_name,
)
from render_service.domain.projects.looks.uploaded_fonts import named_families, pin_families
from render_service.domain.projects.project import CaptionOptions, Card, Project, Shot

FILE = FontFile(400, 400, False, "ab" * 32)
FAMILIES = ("One", "Two", "Three", "Four", "Five")


def branded() -> Project:
    """A project with a kit, whose layers, cards and captions name uploaded fonts, and whose texts look like names."""
    layers = (
        Layer("a", text=TextLayer("workspace: One", TextStyle(font="workspace:One"))),
        Layer("b", text=TextLayer("Two", TextStyle(font="brand:heading"))),
        Layer("c", text=TextLayer("Three")),
    )
    shots = (Shot("one", caption="workspace:Two", layers=layers), Shot("two", card=ShotCard(quote=QuoteCard("Three"))))
    project = Project(
        shots=shots,
        title_card=Card("workspace:Three"),
        captions=CaptionOptions(font="workspace:five"),
        brand_kit="acme",
    )
    fonts = BrandFonts(*(f"workspace:{family}" for family in ("Two", "Three", "Four")))
    return apply_kit(project, BrandKit("acme", fonts=fonts), "project", Faults())


def test_all_names_of_families_become_files_and_texts_stay() -> None:
    project, faults = branded(), Faults()
    assert named_families(project) == {family_key(family) for family in FAMILIES}
    pinned = pin_families(project, "project", {key: [FILE] for key in named_families(project)}, faults)
    faults.raise_if_any()
    written = canonical_bytes(pinned).decode()
    # Those of the text, the caption and the title.
    assert written.count("workspace:") == 3
    assert named_families(pinned) == frozenset()
    assert pinned.shots[0].caption == "workspace:Two"


def test_a_family_that_is_not_there_is_a_fault_at_every_place_that_names_it() -> None:
    faults = Faults()
    files = {family_key(family): [FILE] for family in FAMILIES if family != "Two"}
    pin_families(branded(), "project", files, faults)
    with pytest.raises(Exception, match="none called Two") as found:
        faults.raise_if_any()
    places = {fault.field for fault in found.value.faults}  # type: ignore[attr-defined]
    assert places == {"project.storyboard.shots[0].layers[1].text.style.font", "project.brand_kit.fonts.heading"}


def test_the_name_of_files_is_read_back_and_does_not_depend_on_their_order() -> None:
    files = (FontFile(100, 900, True, "cd" * 32), FILE)
    assert pinned_name(files) == pinned_name(files[::-1])
    assert set(pinned_files(pinned_name(files))) == set(files)
    assert pinned_files("Inter") == ()
    assert nearest_file(files, 800, italic=True) == files[0]


@pytest.mark.parametrize(
    "family",
    [
        "",
        "a" * 49,
        " Acme",
        "Acme ",
        "Acme  Sans",
        "Ac\x00me",
        "\u202eemcA",
        "{{name}}",
        "a|b",
        "a=b",
        "Acme\u200b",
        "e\u0301",
    ],
)
def test_a_bad_name_of_a_family_is_refused(family: str) -> None:
    assert family_name_fault(family) is not None


@pytest.mark.parametrize("family", ["Acme Sans", "思源黑体", "O’Neill & Söhne (Bold)", "नोटो"])
def test_names_of_families_have_letters_of_any_script(family: str) -> None:
    assert family_name_fault(family) is None
