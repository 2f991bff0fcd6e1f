"""Rules of cards: every wrong field is named with its path, and nothing else is refused."""

from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import Any

import pytest

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
    card_files,
    card_texts,
)
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.shot_source import BackgroundSource, declared_source, resolved_source
from render_service.domain.projects.template import fill_in
from render_service.domain.projects.timeline import LONGEST_CARD, plan_timeline
from render_service.domain.projects.validation import check_project
from tests.unit.compositor.cards.samples import WORDS, cards_of

URI = "https://example.com/a.png"
SIDE = ComparisonSide("One")


def faults_of(card: ShotCard) -> list[str]:
    def uri_fault(uri: str) -> str | None:
        return None if uri.startswith("https://") else "must begin with https://"

    project = Project(shots=(Shot("s0", card=card),))
    base = "project.storyboard.shots[0].card"
    return [fault.field.removeprefix(base) for fault in check_project(project, "project", uri_fault, for_render=True)]


def chart(kind: ChartKind, *values: float, label: str = "May", **fields: Any) -> ShotCard:
    return ShotCard(chart=replace(ChartCard(kind, points=tuple(ChartPoint(label, one) for one in values)), **fields))


WRONG = {
    "": ShotCard(),
    ".accent": ShotCard(quote=QuoteCard("Yes"), accent="red"),
    ".background": ShotCard(quote=QuoteCard("Yes"), background="#FFFFFF80"),
    ".quote.text": ShotCard(quote=QuoteCard(" \n")),
    ".quote.text ": ShotCard(quote=QuoteCard("a" * 401)),
    ".quote.author": ShotCard(quote=QuoteCard("Yes", "a" * 81)),
    ".quote.role": ShotCard(quote=QuoteCard("Yes", role="a" * 121)),
    ".quote.picture_uri": ShotCard(quote=QuoteCard("Yes", picture_uri="ftp://example.com/a.png")),
    ".statistic.value": ShotCard(statistic=StatisticCard(2e12, label="x")),
    ".statistic.start": ShotCard(statistic=StatisticCard(start=-inf, label="x")),
    ".statistic.decimals": ShotCard(statistic=StatisticCard(decimals=5, label="x")),
    ".statistic.prefix": ShotCard(statistic=StatisticCard(prefix="a" * 13, label="x")),
    ".statistic.suffix": ShotCard(statistic=StatisticCard(suffix="a" * 13, label="x")),
    ".statistic.label": ShotCard(statistic=StatisticCard(1)),
    ".statistic.note": ShotCard(statistic=StatisticCard(1, label="x", note="a" * 121)),
    ".list.title": ShotCard(list=ListCard("a" * 121, (ListItem("x"),))),
    ".list.items": ShotCard(list=ListCard("Title")),
    ".list.items ": ShotCard(list=ListCard("Title", (ListItem("x"),) * 9)),
    ".list.items[0].text": ShotCard(list=ListCard("Title", (ListItem(""),))),
    ".chart.points": chart(ChartKind.BAR),
    ".chart.points ": chart(ChartKind.BAR, *range(11)),
    ".chart.points  ": chart(ChartKind.LINE, 1),
    ".chart.points   ": chart(ChartKind.DONUT, 0, 0),
    ".chart.points    ": chart(ChartKind.DONUT, *range(9)),
    ".chart.points[1].value": chart(ChartKind.DONUT, 1, -1),
    ".chart.points[0].value": chart(ChartKind.LINE, 2e12, 1),
    ".chart.points[0].label": chart(ChartKind.BAR, 1, label=" "),
    ".chart.title": chart(ChartKind.BAR, 1, title="a" * 121),
    ".chart.unit": chart(ChartKind.BAR, 1, unit="a" * 13),
    ".chart.note": chart(ChartKind.BAR, 1, note="a" * 121),
    ".chart.decimals": ShotCard(chart=ChartCard(points=(ChartPoint("x", 1),), decimals=-1)),
    ".comparison.left": ShotCard(comparison=ComparisonCard(right=SIDE)),
    ".comparison.right": ShotCard(comparison=ComparisonCard(left=SIDE)),
    ".comparison.title": ShotCard(comparison=ComparisonCard("a" * 121, SIDE, SIDE)),
    ".comparison.left.title": ShotCard(comparison=ComparisonCard("", ComparisonSide(""), SIDE)),
    ".comparison.left.items": ShotCard(comparison=ComparisonCard("", replace(SIDE, items=(ListItem("x"),) * 6), SIDE)),
    ".comparison.right.picture_uri": ShotCard(comparison=ComparisonCard("", SIDE, replace(SIDE, picture_uri="a.png"))),
    ".map_pin.picture_uri": ShotCard(map_pin=MapPinCard("", label="Here")),
    ".map_pin.x": ShotCard(map_pin=MapPinCard(URI, 1.1, label="Here")),
    ".map_pin.y": ShotCard(map_pin=MapPinCard(URI, y=-0.1, label="Here")),
    ".map_pin.label": ShotCard(map_pin=MapPinCard(URI)),
    ".map_pin.detail": ShotCard(map_pin=MapPinCard(URI, label="Here", detail="a" * 121)),
    ".chapter.title": ShotCard(chapter=ChapterCard("")),
    ".chapter.number": ShotCard(chapter=ChapterCard("One", "a" * 41)),
    ".chapter.subtitle": ShotCard(chapter=ChapterCard("One", subtitle="a" * 201)),
    ".call_to_action.text": ShotCard(call_to_action=CallToActionCard("")),
    ".call_to_action.button": ShotCard(call_to_action=CallToActionCard("Go", "a" * 41)),
    ".call_to_action.handle": ShotCard(call_to_action=CallToActionCard("Go", handle="a" * 81)),
    ".call_to_action.logo_uri": ShotCard(call_to_action=CallToActionCard("Go", logo_uri="logo.png")),
    ".credits.title": ShotCard(credits=CreditsCard("a" * 121, (CreditsSection("", "A"),))),
    ".credits.sections": ShotCard(credits=CreditsCard("Thanks")),
    ".credits.sections[0].role": ShotCard(credits=CreditsCard("", (CreditsSection("a" * 61, "A"),))),
    ".credits.sections[0].names": ShotCard(credits=CreditsCard("", (CreditsSection("Light"),))),
    ".credits.sections[0].names ": ShotCard(credits=CreditsCard("", (CreditsSection("Light", "A\n" * 21),))),
    ".lower_third.name": ShotCard(lower_third=LowerThirdCard("")),
    ".lower_third.role": ShotCard(lower_third=LowerThirdCard("A", "a" * 121)),
}


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_field_is_named_with_its_path(path: str) -> None:
    assert faults_of(WRONG[path]) == [path.strip()]


def test_what_keeps_the_limits_passes() -> None:
    for words in WORDS:
        for card in cards_of(words, pictures=True).values():
            assert faults_of(card) == []
    assert faults_of(chart(ChartKind.BAR, -3, 5)) == []
    assert faults_of(ShotCard(statistic=StatisticCard(label="x"), accent="#ffc940", background="#000000")) == []


def test_texts_and_files_are_found_by_their_fields() -> None:
    card = cards_of(WORDS[0], pictures=True)["comparison"]
    names = dict(card_texts(card))
    assert names["card.comparison.left.title"] == "By ferry"
    assert names["card.comparison.right.items[2].text"] == "Time"
    assert not any("uri" in name for name in names)
    assert dict(card_texts(ShotCard(list=ListCard("A", (ListItem("b"),)), accent="#FFFFFF"))) == {
        "card.list.title": "A",
        "card.list.items[0].text": "b",
    }
    assert [name for name, _ in card_files(card)] == [
        "card.comparison.left.picture_uri",
        "card.comparison.right.picture_uri",
    ]


def test_variables_fill_the_texts_of_cards() -> None:
    project = Project(shots=(Shot("s", card=ShotCard(list=ListCard("{{what}}", (ListItem("in {{what}}"),)))),))
    filled = fill_in(project, {"what": "Bergen"}, "project", "variables").project
    assert filled
    assert filled.shots[0].card == ShotCard(list=ListCard("Bergen", (ListItem("in Bergen"),)))


def test_a_shot_with_nothing_but_a_card_has_a_background() -> None:
    shot = Shot("s", visual_description="dawn", card=cards_of(WORDS[0])["quote"])
    assert declared_source(shot) == BackgroundSource()
    missing = replace(shot, image_uri=URI)
    assert resolved_source(missing, declared_source(missing), has_clip=False, has_image=False) == BackgroundSource()


def test_a_card_is_shown_for_as_long_as_its_texts_take_to_read() -> None:
    def seconds(card: ShotCard) -> float:
        return plan_timeline(Project(shots=(Shot("s", card=card),)), 25, {}).frames / 25

    assert seconds(ShotCard(chapter=ChapterCard("One"))) == 5
    assert 20 < seconds(ShotCard(quote=QuoteCard("a" * 400))) < 40
    long = ShotCard(credits=CreditsCard("", (CreditsSection("Light", "a" * 600),) * 20))
    assert timedelta(seconds=seconds(long)) == LONGEST_CARD


@pytest.mark.parametrize("name", ["prefix", "suffix"])
def test_a_statistic_shows_its_value_once(name: str) -> None:
    card = ShotCard(statistic=StatisticCard(5, label="x", **{name: "{number}"}))  # type: ignore[arg-type]
    assert [field.rpartition(".")[2] for field in faults_of(card)] == [name]
