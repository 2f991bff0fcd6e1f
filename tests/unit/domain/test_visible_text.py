"""Texts that must show something are refused by their path where nothing of them could be seen."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from typing import Any

import pytest

from render_service.domain.cards.model import ShotCard
from render_service.domain.layers.model import Layer, TextLayer
from render_service.domain.projects.output import AiLabel, OutputOptions
from render_service.domain.projects.project import Card, Project, Shot
from render_service.domain.projects.validation import check_project
from render_service.domain.visible_text import is_visible
from tests.unit.compositor.cards.samples import WORDS, cards_of

INVISIBLE = [
    "\u200b\u2060",
    "\ufeff",
    "\u00ad",
    "\u200d\ufe0f",
    "\u3164",
    "\u115f\u1160",
    "\u2800",
    " \t\n\u3000",
    "\u034f",
]


def faults(project: Project) -> list[str]:
    return [fault.field for fault in check_project(project, "p", lambda uri: None, for_render=False)]


def with_text(record: Any, text: str, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path of each text within a record, and the record with another text in its place."""
    for item in fields(record):
        value, place = getattr(record, item.name), f"{path}.{item.name}"
        if isinstance(value, tuple):
            for index, one in enumerate(value):
                for found, changed in with_text(one, text, f"{place}[{index}]"):
                    yield found, replace(record, **{item.name: (*value[:index], changed, *value[index + 1 :])})
        elif is_dataclass(value):
            yield from ((found, replace(record, **{item.name: new})) for found, new in with_text(value, text, place))
        elif isinstance(value, str) and not isinstance(value, StrEnum) and not item.name.endswith("_uri"):
            yield place, replace(record, **{item.name: text})


@pytest.mark.parametrize("text", INVISIBLE)
def test_invisible_texts_are_refused_wherever_blanks_are(text: str) -> None:
    assert not is_visible(text)
    refused = 0
    for card in cards_of(WORDS[0]).values():

        def found(card: ShotCard) -> list[str]:
            return faults(Project(shots=(Shot("a", card=card),)))

        blank = {path: found(changed) for path, changed in with_text(card, " ", "p.storyboard.shots[0].card")}
        for path, changed in with_text(card, text, "p.storyboard.shots[0].card"):
            if not path.endswith((".accent", ".background")):
                assert found(changed) == blank[path]
                refused += blank[path] == [path]
    assert refused > 20, "required texts of all templates"
    others = {
        "p.title_card.title": Project(title_card=Card(text)),
        "p.end_card.title": Project(end_card=Card(text)),
        "p.layers[0].text.text": Project(layers=(Layer("a", text=TextLayer(text)),)),
    }
    assert {path: faults(project) for path, project in others.items()} == {path: [path] for path in others}
    label = Project(output=OutputOptions(ai_label=AiLabel(text)))
    assert faults(label) == ["p.output.ai_label.text"]


@pytest.mark.parametrize(
    "text", ["a", "\u200ba", "。", "😀", "👩\u200d🚀", "\u0600", "\u0301", "\ue000", "ㅤ.", "\u202ea"]
)
def test_whatever_shows_something_is_visible(text: str) -> None:
    assert is_visible(text)
