"""Letters of texts: where they are, in which order they come, and that none is ever cut."""

import unicodedata

import pytest
from icu4py.breakers import CharacterBreaker

from render_service.compositor.layers.texts import _fit, draw_text
from render_service.compositor.text.break_opportunities import starts
from render_service.compositor.text.typesetting import (
    LineStyle,
    letters_of,
    measure,
    measure_spread,
    set_line,
    spread,
)
from render_service.domain.layers.model import Box, TextLayer, TextStyle

TEXTS = [
    "Fish & chips",
    "שלום עולם",
    "سلام دنیا",
    "שלום abc 123 עולם",
    "hello שלום עולם world",
    "नमस्ते दुनिया",
    "ภาษาไทย",
    "你好 world",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("spacing", [0.0, 5.0])
def test_letters_come_in_the_order_in_which_the_text_is_read(text: str, spacing: float) -> None:
    line = set_line(text, LineStyle(40, 600))
    letters = letters_of(spread(line, spacing) if spacing else line).runs
    assert "".join(letter.text for letter in letters) == text


def test_a_text_that_is_typed_begins_where_it_is_read_first() -> None:
    _, _, parts = draw_text(TextLayer("שלום abc עולם"), Box(), None, (640, 360), "he")
    words: dict[int, list[float]] = {}
    for letter in parts.letters:
        words.setdefault(letter.word, []).append(letter.left)
    first, second, third = (sum(lefts) / len(lefts) for lefts in words.values())
    assert first > second > third


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_with_spaced_letters_is_as_wide_as_it_is_measured(text: str) -> None:
    kind = LineStyle(40, 600)
    assert measure_spread(text, kind, 5.0) == pytest.approx(spread(set_line(text, kind), 5.0).width)
    assert measure_spread("سلام", kind, 5.0) == measure("سلام", kind)


@pytest.mark.parametrize("letter", ["e\u0301\u0323", "👩‍👩‍👧", "क्षि", "🇯🇵", "ที่"])
def test_a_text_that_is_cut_short_ends_after_a_whole_letter(letter: str) -> None:
    text = unicodedata.normalize("NFD", letter) * 60
    whole = {*starts(CharacterBreaker(text, "und")), len(text)}
    for width in range(100, 160, 7):
        block = _fit(text, TextStyle(size=0.1), (float(width), 20.0), 200, "")
        shown = "".join(run.text for run in sorted(block.lines[-1].runs, key=lambda run: run.place))
        assert len(shown.removesuffix("…")) in whole, shown
