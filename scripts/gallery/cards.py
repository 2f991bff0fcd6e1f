"""The cards of the gallery: one of every template and every chart."""

from render_service.compositor.captions.safe_areas import safe_area
from render_service.compositor.cards.arranging import arranged, picture_hashes
from render_service.compositor.segments.layers import DrawnLayer, drawn_layers
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
    ListMarker,
    LowerThirdCard,
    MapPinCard,
    QuoteCard,
    ShotCard,
    StatisticCard,
    card_files,
)

THEME = "Harbour"
_PORTRAIT, _ISLAND, _LIGHTS, _NIGHT = "02-morning", "04-golden", "05-dusk", "06-night"
_VISITORS = (("January", 210), ("February", 260), ("March", 390), ("April", 640), ("May", 880), ("June", 1240))
_FISH = (("Cod", 52), ("Herring", 24), ("Haddock", 15), ("Other", 9))


def _points(values: tuple[tuple[str, int], ...]) -> tuple[ChartPoint, ...]:
    return tuple(ChartPoint(label, value) for label, value in values)


CARDS = {
    "quote": ShotCard(
        quote=QuoteCard(
            "Small boats leave the harbour before the sun is up, and nobody waves.",
            "Ingrid Solheim",
            "Harbour master",
            _PORTRAIT,
        )
    ),
    "statistic": ShotCard(
        statistic=StatisticCard(1240, label="boats leave every morning", note="Port authority, 2026")
    ),
    "list": ShotCard(
        list=ListCard(
            "Before you come",
            tuple(map(ListItem, ("Book a berth", "Check the tides", "Bring dry gloves", "Be early"))),
            ListMarker.NUMBER,
        )
    ),
    "bar_chart": ShotCard(chart=ChartCard(ChartKind.BAR, "Visitors by month", _points(_VISITORS))),
    "line_chart": ShotCard(chart=ChartCard(ChartKind.LINE, "Visitors by month", _points(_VISITORS))),
    "donut_chart": ShotCard(chart=ChartCard(ChartKind.DONUT, "What the nets bring home", _points(_FISH), unit="%")),
    "comparison": ShotCard(
        comparison=ComparisonCard(
            "Two ways to the island",
            ComparisonSide("By road", tuple(map(ListItem, ("Three hours", "Two tunnels"))), _LIGHTS),
            ComparisonSide("By ferry", tuple(map(ListItem, ("Forty minutes", "Coffee on board"))), _ISLAND),
        )
    ),
    "map_pin": ShotCard(map_pin=MapPinCard(_PORTRAIT, 0.6, 0.55, "The old pier", "Ferries every hour")),
    "chapter": ShotCard(chapter=ChapterCard("The harbour wakes", "Chapter 1", "Four in the morning, five below zero")),
    "call_to_action": ShotCard(
        call_to_action=CallToActionCard("Come and see it yourself", "Book a tour", "example.com/harbour")
    ),
    "credits": ShotCard(
        credits=CreditsCard(
            "Thank you",
            (
                CreditsSection("Directed by", "Ingrid Solheim"),
                CreditsSection("Camera", "Lena Okafor\nJonas Berg"),
                CreditsSection("Music", "Amal Haddad"),
            ),
        )
    ),
    "lower_third": ShotCard(lower_third=LowerThirdCard("Lena Okafor", "Marine biologist, Lisbon")),
}
BARE = ("map_pin", "lower_third")
"""Cards over a picture as it is."""


def card_layers(name: str, size: tuple[int, int], frames: int, fps: int) -> tuple[DrawnLayer, ...]:
    """Return the layers of a card; the URIs of its pictures are the names of samples.

    Args:
        name: Its name.
        size: Width and height of the frame in pixels.
        frames: How long it is shown.
        fps: Frames per second.
    """
    card = CARDS[name]
    layers = arranged(
        card,
        frame=size,
        area=safe_area(*size),
        language="en",
        theme=THEME,
        over_picture=False,
        seconds=frames / fps,
        sizes=(("card.map_pin.picture_uri", (1600, 900)),),
    )
    return drawn_layers(layers, frames, fps, picture_hashes(layers, dict(card_files(card))), "en")
