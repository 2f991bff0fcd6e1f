"""Words that are wider than a line are set smaller or divided at syllables, with a hyphen."""

import pytest

from render_service.compositor.captions.layout import CaptionFormat, caption_size, lay_out_caption
from render_service.compositor.text.hyphenation import hyphenation_points
from render_service.compositor.text.line_breaking import break_lines
from tests.unit.compositor.test_line_breaking import cells

COMPOUND = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"


@pytest.mark.parametrize("language", ["de", "de-AT", ""])
def test_a_word_wider_than_a_line_is_divided_at_syllables(language: str) -> None:
    broken = break_lines(f"Das {COMPOUND} gilt", cells, 24, language)
    lines = [line.of(f"Das {COMPOUND} gilt") for line in broken.lines]
    assert broken.hyphenated
    assert all(cells(line) <= 24 for line in lines)
    assert "Das" in lines[0]
    points = {position + len("Das ") for position in hyphenation_points(COMPOUND, "de")}
    assert {line.last for line in broken.lines if line.hyphenated} <= points


def test_only_words_that_need_it_are_divided() -> None:
    broken = break_lines(f"Wirtschaftswissenschaften und {COMPOUND}", cells, 26, "de")
    assert broken.lines[0].last == len("Wirtschaftswissenschaften")
    assert not broken.lines[0].hyphenated


def test_urls_handles_and_other_scripts_get_no_hyphen() -> None:
    for text in ("https://example.com/averyveryverylongpath", "@averyveryverylonghandle", "กกกกกกกกกกกกกกกกกกกกกกกก"):
        assert not break_lines(text, cells, 10, "de").hyphenated


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (720, 720)])
def test_a_long_word_in_a_caption_is_set_smaller_before_it_is_divided(size: tuple[int, int]) -> None:
    look = CaptionFormat(language="de")
    layout = lay_out_caption("Donaudampfschifffahrtsgesellschaft", *size, look)
    assert layout is not None
    assert len(layout.lines) == 1
    assert layout.size >= 0.7 * caption_size(*size, look)


def test_a_word_that_would_be_too_small_is_divided() -> None:
    layout = lay_out_caption(COMPOUND, 360, 640, CaptionFormat(scale=1.35, language="de"))
    assert layout is not None
    assert any(line.hyphenated for line in layout.spans)
    assert layout.lines[0].runs[-1].text.endswith("-")
    assert "".join(COMPOUND[line.first : line.last] for line in layout.spans) == COMPOUND
