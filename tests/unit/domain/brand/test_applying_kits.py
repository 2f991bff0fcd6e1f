"""A kit gives a project what it omits, and nothing else; what it lacks is refused by its path."""

from dataclasses import fields, replace

import pytest

from render_service.domain.brand.kit import BrandKit, apply_kit
from render_service.domain.brand.rules import check_kit
from render_service.domain.cards.model import ChapterCard, ShotCard
from render_service.domain.errors import InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.layers.brand import Brand, BrandColors, BrandFonts
from render_service.domain.layers.model import (
    ColorStop,
    Gradient,
    Layer,
    PictureLayer,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
)
from render_service.domain.projects.delivery.ai_label import with_ai_label
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.output import AiLabel, AspectRatio, OutputOptions, decide_output
from render_service.domain.projects.project import CaptionOptions, Card, Music, Project, Shot, Watermark
from render_service.domain.projects.validation import check_project

COLORS = BrandColors("#111111", "#222222", "#333333", "#444444", "#555555")
KIT = BrandKit(
    "acme",
    BrandFonts("Anton", "Poppins", "Inter"),
    COLORS,
    watermark=Watermark("https://example.com/logo.png"),
    captions=CaptionOptions(preset=CaptionPreset.WORD_BOX, highlight_color="brand:primary", scale=1.5),
    intro_clip_uri="https://example.com/intro.mp4",
    outro_clip_uri="https://example.com/outro.mp4",
    title_card=Card("Acme"),
    end_card=Card("Bye"),
    music=Music("https://example.com/theme.m4a"),
)
GRADIENT = Gradient(stops=(ColorStop("brand:primary"), ColorStop("brand:accent", 1.0)))


def applied(project: Project, kit: BrandKit = KIT) -> Project:
    faults = Faults()
    filled = apply_kit(project, kit, "project", faults)
    faults.raise_if_any()
    return filled


def text(style: TextStyle) -> Layer:
    return Layer("t", text=TextLayer("Hello", style))


def refused(check: Faults) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        check.raise_if_any()
    return {fault.field: fault.description for fault in caught.value.faults}


def test_a_project_that_says_nothing_gets_everything_of_its_kit() -> None:
    filled = applied(Project(brand_kit="acme", shots=(Shot("one"),)))
    for name in ("watermark", "intro_clip_uri", "outro_clip_uri", "title_card", "end_card", "music"):
        assert getattr(filled, name) == getattr(KIT, name)
    assert filled.captions == CaptionOptions(
        preset=CaptionPreset.WORD_BOX, highlight_color="#111111", scale=1.5, font="Inter"
    )
    assert filled.brand_kit == "", "the job depends on no kit any longer"


def test_what_a_project_says_itself_stays() -> None:
    own = Project(
        watermark=Watermark("https://example.com/own.png"),
        captions=CaptionOptions(preset=CaptionPreset.NEON, highlight_color="#ABCDEF", scale=0.8, font="Lobster"),
        intro_clip_uri="https://example.com/own.mp4",
        outro_clip_uri="https://example.com/own.mp4",
        title_card=Card("Own"),
        end_card=Card("Own"),
        music=Music("https://example.com/own.m4a"),
        layers=(text(TextStyle(font="Caveat", color="#ABCDEF")),),
        shots=(Shot("one", card=ShotCard(chapter=ChapterCard("One"), accent="#ABCDEF", background="#123456")),),
    )
    assert applied(own) == replace(own, brand=Brand(KIT.colors, KIT.fonts))


def test_texts_and_cards_have_the_kits_font_and_colors_where_they_name_none() -> None:
    shot = Shot("one", layers=(text(TextStyle()),), card=ShotCard(chapter=ChapterCard("One")))
    filled = applied(Project(layers=(text(TextStyle(gradient=GRADIENT)),), shots=(shot,)))
    (layer,) = filled.shots[0].layers
    assert layer.text is not None
    assert (layer.text.style.font, layer.text.style.color) == ("Poppins", "#555555")
    assert filled.shots[0].card == ShotCard(chapter=ChapterCard("One"))
    assert filled.brand == Brand(COLORS, KIT.fonts), "decides what cards look like"
    (over_all,) = filled.layers
    assert over_all.text is not None
    assert over_all.text.style.color == "", "a gradient is its color"
    assert over_all.text.style.gradient == Gradient(stops=(ColorStop("#111111"), ColorStop("#333333", 1.0)))


def test_every_color_and_font_can_be_named_and_what_the_kit_lacks_is_refused_by_its_path() -> None:
    names = [item.name for item in fields(BrandColors)]
    layers = tuple(Layer(name, shape=ShapeLayer(color=f"brand:{name}")) for name in names)
    fonts = tuple(replace(text(TextStyle(font=f"brand:{item.name}")), id=item.name) for item in fields(BrandFonts))
    project = Project(shots=(Shot("one", layers=(*layers, *fonts)),))
    shown = applied(project).shots[0].layers
    assert [layer.shape.color for layer in shown if layer.shape] == [getattr(COLORS, name) for name in names]
    assert [layer.text.style.font for layer in shown if layer.text] == ["Anton", "Poppins", "Inter"]

    faults = Faults()
    apply_kit(project, BrandKit("bare"), "project", faults)
    paths = [f"project.storyboard.shots[0].layers[{number}].shape.color" for number in range(5)]
    paths += [f"project.storyboard.shots[0].layers[{number}].text.style.font" for number in range(5, 8)]
    assert list(refused(faults)) == paths


@pytest.mark.parametrize(
    ("project", "field"),
    [
        (Project(layers=(text(TextStyle(color="brand:primary")),)), "project.layers[0].text.style.color"),
        (Project(layers=(text(TextStyle(font="brand:body")),)), "project.layers[0].text.style.font"),
        (Project(brand_kit="a", layers=(text(TextStyle(color="brand:loud")),)), "project.layers[0].text.style.color"),
        (Project(brand_kit="a", layers=(text(TextStyle(font="brand:loud")),)), "project.layers[0].text.style.font"),
        (Project(layers=(text(TextStyle(font="Comic Sans")),)), "project.layers[0].text.style.font"),
        (Project(captions=CaptionOptions(font="Comic Sans")), "project.captions.font"),
        (Project(brand_kit="No Name"), "project.brand_kit"),
    ],
)
def test_references_without_a_kit_and_to_unknown_names_are_refused_by_their_path(project: Project, field: str) -> None:
    found = check_project(project, "project", lambda uri: None, for_render=False)
    assert [fault.field for fault in found] == [field]


def test_a_sound_kit_has_no_fault_and_each_wrong_field_is_named() -> None:
    faults = Faults()
    check_kit(KIT, "brand_kit", lambda uri: None, faults)
    assert not faults
    wrong = BrandKit(
        "Acme!",
        BrandFonts(heading="Comic Sans", caption="brand:body"),
        BrandColors(primary="red"),
        watermark=Watermark("https://example.com/logo.png", opacity=2),
        captions=CaptionOptions(preset=CaptionPreset.NEON, highlight_color="brand:secondary", words_per_cue=99),
        music=Music("ftp://example.com/theme.m4a"),
    )
    check_kit(wrong, "brand_kit", lambda uri: None if uri.startswith("https") else "must be https", faults)
    assert set(refused(faults)) == {
        "brand_kit.name",
        "brand_kit.fonts.heading",
        "brand_kit.fonts.caption",
        "brand_kit.colors.primary",
        "brand_kit.watermark.opacity",
        "brand_kit.captions.highlight_color",
        "brand_kit.captions.words_per_cue",
        "brand_kit.music.uri",
    }


def test_a_fault_of_a_kits_font_or_color_is_reported_once_however_often_it_is_named() -> None:
    wrong = replace(
        KIT,
        fonts=BrandFonts(heading="Comic Sans", body="Papyrus"),
        colors=BrandColors(primary="red"),
        captions=CaptionOptions(color="brand:primary", highlight_color="brand:accent", font="brand:heading"),
    )
    faults = Faults()
    check_kit(wrong, "brand_kit", lambda uri: None, faults)
    assert list(refused(faults)) == ["brand_kit.fonts.heading", "brand_kit.fonts.body", "brand_kit.colors.primary"]


def test_roles_that_a_kit_lacks_are_taken_from_those_that_stand_in_for_them() -> None:
    styles = (TextStyle(font="brand:caption", color="brand:accent"), TextStyle(font="brand:body"))
    kit = BrandKit("acme", BrandFonts(body="Poppins"), BrandColors(primary="#111111"))
    shown = applied(Project(layers=tuple(map(text, styles)), captions=CaptionOptions(font="brand:caption")), kit)
    assert [layer.text.style.font for layer in shown.layers if layer.text] == ["Poppins", "Poppins"]
    assert shown.layers[0].text is not None
    assert shown.layers[0].text.style.color == "#111111"
    assert shown.captions.font == "Poppins"


@pytest.mark.parametrize("written", ["{{city}}", "\\{{city}}", "in {{ city }}!"])
def test_variables_in_a_kit_are_refused_by_their_path(written: str) -> None:
    kit = BrandKit(
        "acme",
        watermark=Watermark(f"https://example.com/{written}.png"),
        captions=CaptionOptions(font=written),
        intro_clip_uri=f"https://example.com/{written}.mp4",
        title_card=Card(written, written),
        end_card=Card("Bye {city}", "{{ not a name! }}"),
    )
    faults = Faults()
    check_kit(kit, "brand_kit", lambda uri: None, faults)
    assert list(refused(faults)) == [
        "brand_kit.watermark.uri",
        "brand_kit.captions.font",
        "brand_kit.intro_clip_uri",
        "brand_kit.title_card.title",
        "brand_kit.title_card.subtitle",
    ]


def shapes(brand_kit: str = "acme") -> Project:
    line = Layer("l", shape=ShapeLayer(ShapeKind.LINE), stroke=Stroke(""))
    picture = Layer("p", picture=PictureLayer("https://example.com/a.png"), stroke=Stroke(""))
    return Project(brand_kit=brand_kit, layers=(Layer("s", shape=ShapeLayer()), line, picture))


def test_shapes_and_strokes_have_the_kits_colors_where_they_name_none() -> None:
    assert check_project(shapes(), "project", lambda uri: None, for_render=False) == []
    filled = applied(shapes())
    assert check_project(filled, "project", lambda uri: None, for_render=False) == []
    assert [layer.shape.color for layer in filled.layers if layer.shape] == ["#111111", ""]
    assert [layer.stroke.color for layer in filled.layers if layer.stroke] == ["#333333", "#333333"]
    gradient = Layer("g", shape=ShapeLayer(gradient=GRADIENT), stroke=Stroke("#ABCDEF"))
    (own,) = applied(Project(layers=(gradient,))).layers
    assert own.shape is not None
    assert (own.shape.color, own.stroke) == ("", Stroke("#ABCDEF")), "what they name stays"


def test_without_a_color_of_a_kit_a_shape_needs_its_own() -> None:
    paths = ["project.layers[0].shape.color", "project.layers[1].stroke.color", "project.layers[2].stroke.color"]
    for project in (shapes(brand_kit=""), applied(shapes(), BrandKit("bare", BrandFonts("Anton")))):
        found = check_project(project, "project", lambda uri: None, for_render=False)
        assert [fault.field for fault in found] == paths


@pytest.mark.parametrize(
    ("colors", "letters", "box"),
    [
        (None, "#FFFFFF", "#000000"),
        (BrandColors(), "#FFFFFF", "#000000"),
        (BrandColors(background="#FFFFFF", text="#0A1F44"), "#0A1F44", "#FFFFFF"),
        (BrandColors(primary="#FFC940", text="#FFFFFF"), "#000000", "#FFC940"),
    ],
)
def test_the_label_of_generated_videos_has_the_brands_colors_where_it_can_be_read(
    colors: BrandColors | None, letters: str, box: str
) -> None:
    brand = None if colors is None else Brand(colors, BrandFonts("Caveat", "Caveat"))
    output = decide_output(OutputOptions(ai_label=AiLabel()), AspectRatio.LANDSCAPE_16_9)
    (label,) = with_ai_label(Project(brand=brand), output).layers
    assert label.text
    assert (label.text.style.color, label.text.style.background, label.text.style.font) == (letters, box, "")
