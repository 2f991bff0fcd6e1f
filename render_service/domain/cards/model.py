"""Cards over shots: templates of layers. Colors are `#RRGGBB`; an empty one means: the default."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any


class ListMarker(StrEnum):
    """What stands before the items of a list."""

    DOT = "dot"
    NUMBER = "number"
    CHECK = "check"
    NONE = "none"


class ChartKind(StrEnum):
    """Forms of charts."""

    BAR = "bar"
    LINE = "line"
    DONUT = "donut"


@dataclass(frozen=True, slots=True)
class QuoteCard:
    """What somebody said."""

    text: str
    author: str = ""
    role: str = ""
    picture_uri: str = ""


@dataclass(frozen=True, slots=True)
class StatisticCard:
    """A large number that counts from `start` to `value`."""

    value: float = 0.0
    start: float = 0.0
    decimals: int = 0
    prefix: str = ""
    suffix: str = ""
    label: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListItem:
    """An entry of a list."""

    text: str


@dataclass(frozen=True, slots=True)
class ListCard:
    """A list that builds up."""

    title: str = ""
    items: tuple[ListItem, ...] = ()
    marker: ListMarker = ListMarker.DOT


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """A value with its name."""

    label: str
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class ChartCard:
    """A chart whose values grow; `unit` follows each value."""

    kind: ChartKind = ChartKind.BAR
    title: str = ""
    points: tuple[ChartPoint, ...] = ()
    unit: str = ""
    decimals: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class ComparisonSide:
    """One of two things that are compared."""

    title: str
    items: tuple[ListItem, ...] = ()
    picture_uri: str = ""


@dataclass(frozen=True, slots=True)
class ComparisonCard:
    """Two things side by side; a sound one has both."""

    title: str = ""
    left: ComparisonSide | None = None
    right: ComparisonSide | None = None


@dataclass(frozen=True, slots=True)
class MapPinCard:
    """A pin on a picture, at a place 0–1 of its sides from the top left."""

    picture_uri: str
    x: float = 0.5
    y: float = 0.5
    label: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChapterCard:
    """Opens a part of the video."""

    title: str
    number: str = ""
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class CallToActionCard:
    """Says what to do next."""

    text: str
    button: str = ""
    handle: str = ""
    logo_uri: str = ""


@dataclass(frozen=True, slots=True)
class CreditsSection:
    """A role and the names of people, one a line."""

    role: str = ""
    names: str = ""


@dataclass(frozen=True, slots=True)
class CreditsCard:
    """Who made the video."""

    title: str = ""
    sections: tuple[CreditsSection, ...] = ()


@dataclass(frozen=True, slots=True)
class LowerThirdCard:
    """Names who is seen."""

    name: str
    role: str = ""


Template = (
    QuoteCard
    | StatisticCard
    | ListCard
    | ChartCard
    | ComparisonCard
    | MapPinCard
    | ChapterCard
    | CallToActionCard
    | CreditsCard
    | LowerThirdCard
)


@dataclass(frozen=True, slots=True)
class ShotCard:
    """A card over a shot: at most one template."""

    quote: QuoteCard | None = None
    statistic: StatisticCard | None = None
    list: ListCard | None = None
    chart: ChartCard | None = None
    comparison: ComparisonCard | None = None
    map_pin: MapPinCard | None = None
    chapter: ChapterCard | None = None
    call_to_action: CallToActionCard | None = None
    credits: CreditsCard | None = None
    lower_third: LowerThirdCard | None = None
    accent: str = ""
    background: str = ""

    @property
    def template(self) -> Template | None:
        """The layout; None where it has none, which the rules refuse."""
        return (
            self.quote
            or self.statistic
            or self.list
            or self.chart
            or self.comparison
            or self.map_pin
            or self.chapter
            or self.call_to_action
            or self.credits
            or self.lower_third
        )


CARD_FIELD = "card."
"""How the fields of a shot begin that lie in its card."""


def card_texts(card: ShotCard) -> Iterator[tuple[str, str]]:
    """Yield field and text of each text that a card shows, in the order of reading."""
    for name, text in _strings(card, CARD_FIELD):
        if not name.endswith("_uri") and name not in ("card.accent", "card.background"):
            yield name, text


def card_title(card: ShotCard) -> str:
    """Return what a card is about, in its own words; may be empty."""
    texts = (getattr(card.template, name, "") for name in ("title", "text", "label", "name"))
    return next(filter(None, texts), "")


def card_files(card: ShotCard) -> Iterator[tuple[str, str]]:
    """Yield field and URI of each file that a card names."""
    return ((name, text) for name, text in _strings(card, CARD_FIELD) if name.endswith("_uri"))


def _strings(record: Any, path: str) -> Iterator[tuple[str, str]]:
    for item in fields(record):
        value = getattr(record, item.name)
        name = f"{path}{item.name}"
        if isinstance(value, StrEnum):
            continue
        if isinstance(value, str) and value:
            yield name, value
        elif isinstance(value, tuple):
            for index, one in enumerate(value):
                yield from _strings(one, f"{name}[{index}].")
        elif is_dataclass(value):
            yield from _strings(value, f"{name}.")
