"""Arranges a card: from what it says and the frame to layers, from the lowest to the highest."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.cards.stage import Stage
from render_service.compositor.cards.templates import (
    call_to_action,
    chapter,
    chart,
    comparison,
    credit_pages,
    listing,
    lower_third,
    map_pin,
    quote,
    statistic,
)
from render_service.compositor.cards.themes import panel_theme, theme_of
from render_service.compositor.text import bidi
from render_service.domain.cards.model import (
    CallToActionCard,
    ChapterCard,
    ChartCard,
    ComparisonCard,
    CreditsCard,
    ListCard,
    LowerThirdCard,
    MapPinCard,
    QuoteCard,
    ShotCard,
    StatisticCard,
    card_texts,
)
from render_service.domain.layers.brand import Brand
from render_service.domain.layers.model import Layer

_TEMPLATES: Mapping[type, Callable[[Any, Stage], Iterator[Layer]]] = {
    QuoteCard: quote.layers,
    StatisticCard: statistic.layers,
    ListCard: listing.layers,
    ChartCard: chart.layers,
    ComparisonCard: comparison.layers,
    MapPinCard: map_pin.layers,
    ChapterCard: chapter.layers,
    CallToActionCard: call_to_action.layers,
    CreditsCard: credit_pages.layers,
    LowerThirdCard: lower_third.layers,
}
# More space at the sides of wide frames, as a share of their width.
_INSET = 0.035


@lru_cache(maxsize=512)
def arranged(
    card: ShotCard,
    *,
    frame: tuple[int, int],
    area: Rect,
    language: str,
    theme: str,
    brand: Brand | None = None,
    over_picture: bool,
    seconds: float,
    lead: float = 0.0,
    sizes: tuple[tuple[str, tuple[int, int]], ...] = (),
) -> tuple[Layer, ...]:
    """Return the layers of a card.

    Args:
        card: The card; it keeps the rules.
        frame: Width and height of the frame in pixels.
        area: The part of the frame that its texts stay inside.
        language: BCP 47 tag of the texts of the video; may be empty.
        theme: What all cards of a video share; decides the colours that card and brand leave open.
        brand: Decides the colours that the card leaves open, and the fonts.
        over_picture: Whether a picture or clip lies under it.
        seconds: How long it is shown.
        lead: Seconds after which it begins to build up: the middle of the shot's transition.
        sizes: Width and height of the pictures that it names, by field.

    Returns:
        The layers; the URI of a picture is the name of its field.
    """
    template = card.template
    in_panel = isinstance(template, LowerThirdCard | MapPinCard)
    if in_panel:
        colors = panel_theme(card, theme, brand)
    else:
        colors = theme_of(card, theme, over_picture=over_picture, brand=brand)
    texts = [text for _, text in card_texts(card)]
    mirrored = bool(texts) and bidi.base_level(max(texts, key=len)) == 1
    if area.width > 1.3 * area.height and not in_panel:
        inset = round(_INSET * frame[0])
        area = Rect(area.x + inset, area.y, area.width - 2 * inset, area.height)
    stage = Stage(frame, area, language, colors, seconds, min(lead, seconds / 2), mirrored, sizes)
    found = (*colors.under, *_TEMPLATES[type(template)](template, stage))
    return tuple(replace(layer, id=layer.id or f"card-{number}") for number, layer in enumerate(found, 1))


def picture_hashes(layers: tuple[Layer, ...], files: Mapping[str, str]) -> dict[str, str]:
    """Return what names the files of a card's pictures, by the fields of its layers instead of those of the card."""
    return {f"layers[{index}].picture.uri": files[one.picture.uri] for index, one in enumerate(layers) if one.picture}
