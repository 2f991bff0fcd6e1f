"""Cards of a project with a kit have its colours and fonts, and can be read whatever the colours are."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from render_service.compositor.captions.safe_areas import safe_area
from render_service.compositor.cards.arranging import arranged
from render_service.compositor.cards.branding import distance, palette_for
from render_service.compositor.cards.palettes import LIGHT, PALETTES, hexadecimal
from render_service.compositor.cards.themes import Theme, in_panel, panel_theme, theme_of
from render_service.compositor.drawing.cards import draw_card, draw_title_card
from render_service.compositor.text.drawn_texts import drawn_texts
from render_service.domain.cards.model import ShotCard
from render_service.domain.layers.brand import Brand, BrandColors, BrandFonts
from render_service.domain.layers.contrast import blended, contrast, luminance, rgb
from render_service.domain.layers.model import Layer
from render_service.domain.projects.project import Project, Shot
from tests.unit.compositor.cards.samples import WORDS, cards_of

EXTREMES = ["", "#FFFFFF", "#000000", "#767676", "#808080", "#FF0000", "#00FF00", "#0000FF", "#FFFF00", "#E0206B"]
COLOR = st.sampled_from(EXTREMES) | st.integers(0, 0xFFFFFF).map("#{:06X}".format)
COLORS = st.builds(BrandColors, COLOR, COLOR, COLOR, COLOR, COLOR)
ACME = Brand(BrandColors("#0B5FFF", "#00B8A9", "#FFB400", "#FFFFFF", "#0A1F44"), BrandFonts("Anton", "Poppins"))


def ratio(one: str, other: str) -> float:
    return contrast(luminance(rgb(one)), luminance(rgb(other)))


def themes(brand: Brand | None) -> list[Theme]:
    found = [theme_of(ShotCard(), "film", over_picture=over, brand=brand) for over in (False, True)]
    found.append(panel_theme(ShotCard(), "film", brand))
    return [*found, *map(in_panel, found)]


@given(COLORS)
@example(BrandColors(background="#005801", text="#00581F"))
@example(BrandColors(background="#0089F6", text="#FFFFFF"))
def test_letters_and_shapes_of_any_brand_stand_out(colors: BrandColors) -> None:
    palette = palette_for("film", Brand(colors))
    top, bottom, glow, ink, accent = map(
        hexadecimal, (palette.top, palette.bottom, palette.glow, palette.ink, palette.accent)
    )
    grounds = (top, bottom, blended(top, glow, LIGHT)) if colors != BrandColors() else ()
    for ground in grounds:
        assert ratio(ink, ground) >= 4.5
        assert ratio(blended(ground, ink, palette.quiet), ground) >= 4.5
        assert ratio(accent, ground) >= 2.0
    for theme in themes(Brand(colors)):
        for color in (theme.ink, theme.muted, theme.accent_ink):
            assert ratio(color, theme.ground) >= 4.5
        assert ratio(theme.on_accent, theme.accent) >= 4.5
        assert len(set(theme.series)) == len(theme.series) >= 5, "enough for a ring of 8 parts, twice"


@pytest.mark.parametrize("background", ["", "#FFFFFF", "#FFC940", "#0A1F44", "#777777"])
def test_letters_of_title_cards_can_be_read_on_every_pixel_of_their_ground(background: str) -> None:
    brand = Brand(replace(ACME.colors, background=background))
    ground = draw_title_card("", "", 160, 128, seed="a", theme="film", brand=brand)
    ink = luminance(rgb(hexadecimal(palette_for("film", brand).ink)))
    colors = np.unique(ground.reshape(-1, 3), axis=0)[::7] / 255
    assert min(contrast(ink, luminance((red, green, blue))) for red, green, blue in colors.tolist()) >= 4.5


def test_a_brand_is_seen_in_colors_and_fonts() -> None:
    palette = palette_for("film", ACME)
    assert (hexadecimal(palette.top), hexadecimal(palette.ink)) == ("#FFFFFF", "#0A1F44")
    assert hexadecimal(palette.accent) == "#0B5FFF", "yellow could not be seen on white"
    dark = palette_for("film", Brand(replace(ACME.colors, background="#0A1F44", text="#FFFFFF")))
    assert hexadecimal(dark.accent) == "#FFB400"
    assert (palette.heading, palette.body) == ("Anton", "Poppins")
    assert palette_for("film", Brand()) == palette_for("film")
    assert palette_for("film") in PALETTES
    fonts = palette_for("film", Brand(fonts=BrandFonts(body="Inter")))
    assert fonts == replace(palette_for("film"), heading="Inter", body="Inter")


@pytest.mark.parametrize("template", sorted(cards_of(WORDS[0])))
def test_every_template_has_the_brands_fonts(template: str) -> None:
    card = cards_of(WORDS[0])[template]

    def layers(brand: Brand | None) -> tuple[Layer, ...]:
        frame = (320, 180)
        return arranged(
            card,
            frame=frame,
            area=safe_area(*frame),
            language="en",
            theme="film",
            brand=brand,
            over_picture=False,
            seconds=5,
            sizes=(("card.map_pin.picture_uri", (300, 200)),),
        )

    texts = [layer.text for layer in layers(ACME) if layer.text]
    assert {text.style.font for text in texts} <= {"Anton", "Poppins"}
    assert all((text.style.font == "Anton") <= (text.style.weight >= 700) for text in texts)
    heaviest = max(texts, key=lambda text: (text.style.weight, text.style.size))
    assert (heaviest.style.font == "Anton") is (template not in ("map_pin", "quote")), "small or light letters"
    assert all(not layer.text.style.font for layer in layers(None) if layer.text)


def test_parts_of_a_chart_are_of_the_brand_first_and_differ() -> None:
    series = theme_of(ShotCard(), "film", over_picture=False, brand=ACME).series
    assert series[:3] == ("#0B5FFF", "#FFB400", "#00B8A9")
    assert all(distance(one, other) > 0.1 for one, other in product(series[:5], series[:5]) if one != other)


def test_title_cards_and_cards_in_place_of_pictures_differ_with_the_brand() -> None:
    for brand in (ACME, Brand(fonts=ACME.fonts), Brand(ACME.colors)):
        assert (draw_card("Hello", 160, 128, seed="a", brand=brand) != draw_card("Hello", 160, 128, seed="a")).any()
        title = draw_title_card("Hello", "there", 160, 128, seed="a", brand=brand)
        assert (title != draw_title_card("Hello", "there", 160, 128, seed="a")).any()


@pytest.mark.parametrize("frame", [(320, 180), (180, 320), (240, 240), (128, 512), (512, 128)])
@pytest.mark.parametrize("pictures", [False, True])
def test_the_characters_of_a_card_are_looked_up_in_the_fonts_that_draw_it(
    frame: tuple[int, int], pictures: bool
) -> None:
    found = 0
    for card in cards_of(WORDS[0], pictures=pictures).values():
        brand = Brand(fonts=BrandFonts(heading="Anton", body="Poppins"))
        project = Project(shots=(Shot("a", card=card),), brand=brand)
        layers = arranged(
            card,
            frame=frame,
            area=safe_area(*frame),
            language="en",
            brand=brand,
            theme="",
            over_picture=False,
            seconds=5.0,
            sizes=(("card.map_pin.picture_uri", (300, 200)),),
        )
        drawn = {"".join(one.text.text.split()): one.text.style.font for one in layers if one.text}
        for text in drawn_texts(project, ()):
            font = drawn.get("".join(text.text.split()))
            if font is not None:
                found += 1
                assert font in text.fonts, (text.field, font)
    assert found >= 40
