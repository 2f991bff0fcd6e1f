"""In every frame and script, texts of cards fit, keep to the safe area and apart from each other, and can be read."""

from itertools import combinations

import pytest

from render_service.compositor.captions.safe_areas import safe_area
from render_service.compositor.cards.arranging import arranged
from render_service.compositor.cards.themes import in_panel, panel_theme, theme_of
from render_service.compositor.layers.boxes import Area
from render_service.compositor.layers.texts import draw_text
from render_service.domain.cards.model import (
    CallToActionCard,
    ChapterCard,
    ChartCard,
    ChartKind,
    ChartPoint,
    ComparisonCard,
    ComparisonSide,
    CreditsCard,
    CreditsSection,
    ListCard,
    ListItem,
    LowerThirdCard,
    MapPinCard,
    QuoteCard,
    ShotCard,
    StatisticCard,
)
from render_service.domain.layers.changing import settled
from render_service.domain.layers.colors import parse_color
from render_service.domain.layers.contrast import contrast, luminance, rgb
from render_service.domain.layers.model import AnimationDirection, AnimationKind, Layer, TextAlign
from tests.unit.compositor.cards.samples import WORDS, cards_of

FRAMES = [(320, 180), (180, 320), (240, 240), (128, 512), (512, 128)]
SECONDS = 5.0


def layers_of(card: ShotCard, frame: tuple[int, int], language: str) -> list[Layer]:
    """The layers of a card as they stand in the end."""
    shown = arranged(
        card,
        frame=frame,
        area=safe_area(*frame),
        language=language,
        theme="",
        over_picture=False,
        seconds=SECONDS,
        sizes=(("card.map_pin.picture_uri", (300, 200)),),
    )
    return [settled(layer, language) for layer in shown]


def letters(layer: Layer, frame: tuple[int, int], language: str) -> Area:
    """The rectangle around the letters of a text, without the overhang that is kept around them."""
    assert layer.text
    drawing, area, parts = draw_text(layer.text, layer.box, None, frame, language)
    left, right = (edge(getattr(one, side) for one in parts.letters) for edge, side in ((min, "left"), (max, "right")))
    return Area(drawing.x + left, area.y, right - left, area.height)


def apart(one: Area, other: Area) -> bool:
    """Whether two rectangles share no more than rounding."""
    return (
        one.x + one.width <= other.x + 1.5
        or other.x + other.width <= one.x + 1.5
        or one.y + one.height <= other.y + 1.5
        or other.y + other.height <= one.y + 1.5
    )


def check(card: ShotCard, frame: tuple[int, int], language: str) -> None:
    area = safe_area(*frame)
    texts = [layer for layer in layers_of(card, frame, language) if layer.text]
    assert texts
    places = [letters(layer, frame, language) for layer in texts]
    for layer, place in zip(texts, places, strict=True):
        assert place.x >= area.x - 1.5, layer.text
        assert place.x + place.width <= area.x + area.width + 1.5, layer.text
        assert place.y >= area.y - 1.5, layer.text
        assert place.y + place.height <= area.y + area.height + 1.5, layer.text
    for (one, first), (other, second) in combinations(zip(texts, places, strict=True), 2):
        shown_together = one.duration is None or one.start + one.duration > other.start
        assert not shown_together or apart(first, second), (one.text, other.text)


@pytest.mark.parametrize("number", range(len(WORDS)), ids=lambda number: WORDS[number].language)
def test_texts_fit_and_keep_apart(number: int) -> None:
    words = WORDS[number]
    for place, card in enumerate(cards_of(words, pictures=number % 2 == 1).values()):
        # Each card in every frame, over all languages.
        check(card, FRAMES[(number + place) % len(FRAMES)], words.language)


@pytest.mark.long
@pytest.mark.parametrize("frame", FRAMES)
def test_texts_fit_in_every_frame_and_script(frame: tuple[int, int]) -> None:
    for words in WORDS:
        for pictures in (False, True):
            for card in cards_of(words, pictures=pictures).values():
                check(card, frame, words.language)


def longest(letters: str) -> dict[str, ShotCard]:
    """A card of every template with as much text as its rules allow."""

    def text(count: int) -> str:
        return (letters * (count // len(letters) + 1))[:count].strip()

    eight = tuple(ListItem(text(120)) for _ in range(8))
    side = ComparisonSide(text(60), eight[:5], "https://example.com/a.jpg")
    bars = tuple(ChartPoint(text(40), 1e12 - number) for number in range(10))
    parts = tuple(ChartPoint(text(40), 1e9 + number) for number in range(8))
    line = tuple(ChartPoint(text(40), -1e9 * number) for number in range(40))
    return {
        "quote": ShotCard(quote=QuoteCard(text(400), text(80), text(120), "https://example.com/a.jpg")),
        "statistic": ShotCard(statistic=StatisticCard(-1e12, 1e12, 4, text(12), text(12), text(160), text(120))),
        "list": ShotCard(list=ListCard(text(120), eight)),
        "bar": ShotCard(chart=ChartCard(ChartKind.BAR, text(120), bars, text(12), 4, text(120))),
        "line": ShotCard(chart=ChartCard(ChartKind.LINE, text(120), line, text(12), 4, text(120))),
        "donut": ShotCard(chart=ChartCard(ChartKind.DONUT, text(120), parts, text(12), 0, text(120))),
        "comparison": ShotCard(comparison=ComparisonCard(text(120), side, side)),
        "map_pin": ShotCard(map_pin=MapPinCard("https://example.com/a.jpg", 1, 1, text(60), text(120))),
        "chapter": ShotCard(chapter=ChapterCard(text(120), text(40), text(200))),
        "call": ShotCard(call_to_action=CallToActionCard(text(120), text(40), text(80), "https://example.com/a.png")),
        "credits": ShotCard(credits=CreditsCard(text(120), (CreditsSection(text(60), text(30)),) * 20)),
        "lower_third": ShotCard(lower_third=LowerThirdCard(text(60), text(120))),
    }


LETTERS = (
    "Small boats leave the harbour early. ",
    "تغادر القوارب الصغيرة الميناء. ",
    "太阳升起之前小船已经离开港口。",
    "เรือลำเล็กออกจากท่า",
    "Donaudampfschifffahrtsgesellschaft",
)


@pytest.mark.long
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("repeated", LETTERS)
def test_the_longest_texts_fit_too(repeated: str, frame: tuple[int, int]) -> None:
    for card in longest(repeated).values():
        check(card, frame, "")


def test_long_texts_fit_in_a_small_frame() -> None:
    for name in ("quote", "donut", "map_pin", "call", "lower_third"):
        check(longest(LETTERS[0])[name], (180, 320), "")


@pytest.mark.parametrize("background", ["", "#FFFFFF", "#000000", "#767676", "#808080", "#E0206B", "#FFC940"])
@pytest.mark.parametrize("accent", ["", "#FFFFFF", "#000000", "#777777", "#2B5CFF", "#FFC940"])
def test_letters_have_contrast_on_every_ground(background: str, accent: str) -> None:
    card = ShotCard(accent=accent, background=background)
    themes = [theme_of(card, name, over_picture=False) for name in ("a", "b", "c", "d", "e", "g", "k")]
    themes += [theme_of(card, "a", over_picture=True), panel_theme(card, "a")]
    themes += [in_panel(theme) for theme in themes[:-1]]
    for theme in themes:
        for color in (theme.ink, theme.muted, theme.accent_ink):
            assert contrast(luminance(rgb(color)), luminance(rgb(theme.ground))) >= 4.5
        assert contrast(luminance(rgb(theme.on_accent)), luminance(rgb(theme.accent))) >= 4.5


@pytest.mark.parametrize("color", ["", "#FFFFFF", "#808080", "#2B5CFF"])
@pytest.mark.parametrize("picture", [0.0, 1.0])
def test_a_veil_is_dense_enough_over_black_and_over_white(color: str, picture: float) -> None:
    theme = theme_of(ShotCard(background=color), "", over_picture=True)
    shape = theme.under[0].shape
    assert shape
    *veil, opacity = parse_color(shape.color)
    red, green, blue = (picture + (part - picture) * opacity for part in veil)
    assert contrast(luminance(rgb(theme.ink)), luminance((red, green, blue))) >= 4.5


def test_cards_are_mirrored_where_they_are_read_from_the_right() -> None:
    frame = (320, 180)
    for name in ("list", "bar", "comparison", "chapter", "lower_third"):
        first = {}
        for words in WORDS[:2]:
            layers = layers_of(cards_of(words)[name], frame, words.language)
            first[words.language] = next(one for one in layers if one.text)
        english, arabic = first["en"], first["ar"]
        assert english.text
        assert arabic.text
        assert (english.text.style.align, arabic.text.style.align) == (TextAlign.LEFT, TextAlign.RIGHT)


def test_values_count_and_bars_grow_from_the_side_where_reading_begins() -> None:
    card = ShotCard(chart=ChartCard(ChartKind.BAR, "", (ChartPoint("a", 5), ChartPoint("b", 10)), " km"))
    shown = arranged(
        card, frame=(180, 320), area=safe_area(180, 320), language="", theme="", over_picture=False, seconds=5
    )
    counted = [one.text for one in shown if one.text and one.text.counter]
    assert [(text.text, text.counter and text.counter.end) for text in counted] == [
        ("{number} km", 5),
        ("{number} km", 10),
    ]
    grown = [one for one in shown if one.shape and one.enter and one.enter.kind is AnimationKind.WIPE]
    assert [one.enter and one.enter.direction for one in grown] == [AnimationDirection.RIGHT] * 2
    widths = [one.box.width or 0 for one in grown]
    assert widths[1] == pytest.approx(2 * widths[0])
