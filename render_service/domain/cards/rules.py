"""The rules for cards; the contract's comments name the same limits."""

import re
from collections.abc import Callable, Sequence

from render_service.domain.cards.model import (
    CallToActionCard,
    ChapterCard,
    ChartCard,
    ChartKind,
    ComparisonCard,
    ComparisonSide,
    CreditsCard,
    ListCard,
    ListItem,
    LowerThirdCard,
    MapPinCard,
    QuoteCard,
    ShotCard,
    StatisticCard,
)
from render_service.domain.layers.brand_names import color_fault, is_color_name
from render_service.domain.layers.changing import NUMBER
from render_service.domain.visible_text import is_visible

MOST_POINTS = {ChartKind.BAR: 10, ChartKind.LINE: 40, ChartKind.DONUT: 8}
MAX_POINTS = max(MOST_POINTS.values())
MAX_ITEMS = 8
MAX_SIDE_ITEMS = 5
MAX_SECTIONS = 20
MAX_NAMES = 20
MOST_COUNTED = 1e12
MOST_DECIMALS = 4

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")


class CardCheck:
    """Checks the cards of a project.

    Args:
        add_fault: Receives the path and the description of each fault.
        check_uri: Checks a URI at a path, empty or not.
        pieces: Returns what is known of a text: more than one piece where it has variables.
    """

    def __init__(
        self,
        add_fault: Callable[[str, str], None],
        check_uri: Callable[[str, str], None],
        pieces: Callable[[str], tuple[str, ...]],
    ) -> None:
        self._fault = add_fault
        self._uri = check_uri
        self._pieces = pieces

    def card(self, card: ShotCard, path: str) -> None:
        """Check a card; `path` is its path in the request."""
        if card.template is None:
            self._fault(path, "must have a template, such as quote")
        for name, check in (
            ("quote", self._quote),
            ("statistic", self._statistic),
            ("list", self._list),
            ("chart", self._chart),
            ("comparison", self._comparison),
            ("map_pin", self._map_pin),
            ("chapter", self._chapter),
            ("call_to_action", self._call),
            ("credits", self._credits),
            ("lower_third", self._lower_third),
        ):
            template = getattr(card, name)
            if template is not None:
                check(template, f"{path}.{name}")
        self._color(card.accent, f"{path}.accent")
        self._color(card.background, f"{path}.background")

    def _quote(self, quote: QuoteCard, path: str) -> None:
        self._required(quote.text, f"{path}.text", 400)
        self._optional(quote.author, f"{path}.author", 80)
        self._optional(quote.role, f"{path}.role", 120)
        self._uri(quote.picture_uri, f"{path}.picture_uri")

    def _statistic(self, statistic: StatisticCard, path: str) -> None:
        self._value(statistic.value, f"{path}.value")
        self._value(statistic.start, f"{path}.start")
        self._decimals(statistic.decimals, path)
        self._optional(statistic.prefix, f"{path}.prefix", 12)
        self._optional(statistic.suffix, f"{path}.suffix", 12)
        for name, text in (("prefix", statistic.prefix), ("suffix", statistic.suffix)):
            if NUMBER in text:
                self._fault(f"{path}.{name}", f"must not hold {NUMBER}: the value stands between prefix and suffix")
        self._required(statistic.label, f"{path}.label", 160)
        self._optional(statistic.note, f"{path}.note", 120)

    def _list(self, card: ListCard, path: str) -> None:
        self._optional(card.title, f"{path}.title", 120)
        self._items(card.items, f"{path}.items", 1, MAX_ITEMS)

    def _items(self, items: Sequence[ListItem], path: str, least: int, most: int) -> None:
        if not least <= len(items) <= most:
            self._fault(path, f"must have {least} to {most} items")
        for index, item in enumerate(items[:most]):
            self._required(item.text, f"{path}[{index}].text", 120)

    def _chart(self, chart: ChartCard, path: str) -> None:
        self._optional(chart.title, f"{path}.title", 120)
        self._optional(chart.unit, f"{path}.unit", 12)
        self._optional(chart.note, f"{path}.note", 120)
        self._decimals(chart.decimals, path)
        least, most = 2 if chart.kind is ChartKind.LINE else 1, MOST_POINTS[chart.kind]
        if not least <= len(chart.points) <= most:
            self._fault(f"{path}.points", f"must have {least} to {most} points for a {chart.kind.name}")
        is_donut = chart.kind is ChartKind.DONUT
        for index, point in enumerate(chart.points[:most]):
            self._required(point.label, f"{path}.points[{index}].label", 40)
            self._value(point.value, f"{path}.points[{index}].value", is_positive=is_donut)
        if is_donut and chart.points and all(point.value == 0 for point in chart.points):
            self._fault(f"{path}.points", "must have a value of more than 0 for a DONUT")

    def _comparison(self, card: ComparisonCard, path: str) -> None:
        self._optional(card.title, f"{path}.title", 120)
        for name, side in (("left", card.left), ("right", card.right)):
            if side is None:
                self._fault(f"{path}.{name}", "must be given")
            else:
                self._side(side, f"{path}.{name}")

    def _side(self, side: ComparisonSide, path: str) -> None:
        self._required(side.title, f"{path}.title", 60)
        self._items(side.items, f"{path}.items", 0, MAX_SIDE_ITEMS)
        self._uri(side.picture_uri, f"{path}.picture_uri")

    def _map_pin(self, pin: MapPinCard, path: str) -> None:
        if not pin.picture_uri:
            self._fault(f"{path}.picture_uri", "must not be empty")
        self._uri(pin.picture_uri, f"{path}.picture_uri")
        for name in ("x", "y"):
            if not 0 <= getattr(pin, name) <= 1:
                self._fault(f"{path}.{name}", "must be 0 to 1")
        self._required(pin.label, f"{path}.label", 60)
        self._optional(pin.detail, f"{path}.detail", 120)

    def _chapter(self, chapter: ChapterCard, path: str) -> None:
        self._required(chapter.title, f"{path}.title", 120)
        self._optional(chapter.number, f"{path}.number", 40)
        self._optional(chapter.subtitle, f"{path}.subtitle", 200)

    def _lower_third(self, third: LowerThirdCard, path: str) -> None:
        self._required(third.name, f"{path}.name", 60)
        self._optional(third.role, f"{path}.role", 120)

    def _call(self, call: CallToActionCard, path: str) -> None:
        self._required(call.text, f"{path}.text", 120)
        self._optional(call.button, f"{path}.button", 40)
        self._optional(call.handle, f"{path}.handle", 80)
        self._uri(call.logo_uri, f"{path}.logo_uri")

    def _credits(self, card: CreditsCard, path: str) -> None:
        self._optional(card.title, f"{path}.title", 120)
        if not 1 <= len(card.sections) <= MAX_SECTIONS:
            self._fault(f"{path}.sections", f"must have 1 to {MAX_SECTIONS} sections")
        for index, section in enumerate(card.sections[:MAX_SECTIONS]):
            place = f"{path}.sections[{index}]"
            self._optional(section.role, f"{place}.role", 60)
            self._required(section.names, f"{place}.names", 600)
            if len(section.names.splitlines()) > MAX_NAMES:
                self._fault(f"{place}.names", f"must have at most {MAX_NAMES} lines")

    def _required(self, text: str, path: str, most: int) -> None:
        pieces = self._pieces(text)
        if sum(map(len, pieces)) > most or (len(pieces) == 1 and not is_visible(pieces[0])):
            self._fault(path, f"must have 1 to {most} characters, not only blanks and zero-width characters")

    def _optional(self, text: str, path: str, most: int) -> None:
        if sum(map(len, self._pieces(text))) > most:
            self._fault(path, f"must have at most {most} characters")

    def _value(self, value: float, path: str, *, is_positive: bool = False) -> None:
        if is_positive and not 0 <= value <= MOST_COUNTED:
            self._fault(path, "must be 0 to 10¹² for a DONUT")
        elif not abs(value) <= MOST_COUNTED:
            self._fault(path, "must be −10¹² to 10¹²")

    def _decimals(self, decimals: int, path: str) -> None:
        if not 0 <= decimals <= MOST_DECIMALS:
            self._fault(f"{path}.decimals", f"must be 0 to {MOST_DECIMALS}")

    def _color(self, color: str, path: str) -> None:
        pieces = self._pieces(color)
        if len(pieces) == 1 and pieces[0] and not _COLOR.fullmatch(pieces[0]) and not is_color_name(pieces[0]):
            self._fault(path, color_fault(pieces[0], "#FFC940"))
