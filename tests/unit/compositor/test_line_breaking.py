"""Lines break where readers expect it, hold the whole text, and never grow wider than allowed."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icu4py.breakers import CharacterBreaker

from render_service.compositor.text.break_opportunities import find_breaks
from render_service.compositor.text.line_breaking import break_lines

_CLOSING = "、。，！？：；）」』】》%ー々っゃ"
_OPENING = "（「『【《$"

texts = st.text(
    alphabet=st.one_of(
        st.sampled_from("abc WORD  \u3000.,!-—/’\u00a0"),
        st.sampled_from("清晨的湖面像一面镜子" + _CLOSING + _OPENING),
        st.sampled_from("ひらがなカタカナ한국어مرحبا"),
        st.characters(blacklist_categories=("Cs", "Cc")),
    ),
    max_size=60,
)


def cells(text: str) -> float:
    """Measure like a terminal: wide characters two, marks none, all others one."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def lines_of(text: str, width: float, language: str = "") -> list[str]:
    return [line.of(text) for line in break_lines(text, cells, width, language).lines]


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(min_value=2, max_value=40))
@example("aaaaaaaaaaaaaaaaaaaaaaaaaaa bb", 5)
def test_no_character_is_lost_and_none_repeated(text: str, width: int) -> None:
    joined = "".join(text[line.first : line.last] for line in break_lines(text, cells, width).lines)
    assert "".join(joined.split()) == "".join(text.split())


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(min_value=2, max_value=40))
def test_no_line_is_wider_than_allowed(text: str, width: int) -> None:
    for line in lines_of(text, width):
        assert cells(line) <= width or len(list(CharacterBreaker(line.removesuffix("-"), "und"))) <= 1


@settings(max_examples=150, deadline=None)
@given(texts)
def test_closing_marks_never_begin_a_line_and_opening_marks_never_end_one(text: str) -> None:
    for found in find_breaks(text):
        if not found.forced:
            assert text[found.position] not in _CLOSING
            assert text[found.position - 1] not in _OPENING


def test_lines_come_out_even_instead_of_leaving_one_word_alone() -> None:
    lines = lines_of("The old lighthouse keeper climbs the stairs once more", 48)
    assert len(lines) == 2
    assert min(map(len, lines)) > 20


def test_a_line_ends_with_a_clause_rather_than_with_an_article() -> None:
    assert lines_of("When the rain stops, the harbour is quiet", 30) == ["When the rain stops,", "the harbour is quiet"]


@pytest.mark.parametrize(
    ("text", "language", "whole"),
    [
        ("渔民们在灯光下修补渔网，讲着流传了两百年的故事", "zh-Hans", ("渔民们", "灯光", "讲着", "流传了", "故事")),
        ("漁師たちはランプの明かりで網を繕います", "ja", ("ランプ", "明かり", "漁師")),
        ("ท่าเรือตื่นก่อนพระอาทิตย์ขึ้น", "th", ("ท่าเรือ",)),
    ],
)
def test_words_of_languages_without_spaces_are_kept_whole(text: str, language: str, whole: tuple[str, ...]) -> None:
    for width in (22, 26):
        lines = lines_of(text, width, language)
        for word in whole:
            assert any(word in line for line in lines), (word, lines)


def test_korean_breaks_between_words_only() -> None:
    text = "항구는 태양보다 먼저 깨어난다 어부들은 그물을 손질한다"
    for line in lines_of(text, 20, "ko"):
        assert set(line.split()) <= set(text.split())


def test_line_feeds_of_the_author_are_kept() -> None:
    assert lines_of("first\nsecond line", 40) == ["first", "second line"]


def test_no_break_spaces_hold_their_words_together() -> None:
    assert lines_of("it costs 100\u00a0km there", 12) == ["it costs", "100\u00a0km there"]


def test_a_mark_never_leaves_its_letter() -> None:
    text = "e\u0301" * 30
    for line in lines_of(text, 4):
        assert not unicodedata.combining(line[0])
