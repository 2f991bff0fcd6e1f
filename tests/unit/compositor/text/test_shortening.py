"""Texts are cut between what readers see as characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.text.shortening import shortened, whole_letters
from render_service.compositor.text.typesetting import letter_starts

FAMILY, FLAG, ACCENT = "👨‍👩‍👧‍👦", "🇫🇷", "e\u0301"
LETTERS = st.lists(st.sampled_from([FAMILY, FLAG, ACCENT, "क्षि", "a", " ", "海", "👍🏽"]), max_size=12).map("".join)


@given(LETTERS, st.integers(1, 40))
def test_what_stays_are_whole_letters(text: str, most: int) -> None:
    kept = whole_letters(text, most)
    assert text.startswith(kept)
    assert len(kept) in {0, *letter_starts(text), len(text)}
    first = (letter_starts(text)[1:] or [len(text)])[0] if text else 0
    assert len(kept) <= max(most, first)
    assert kept or not text


@pytest.mark.parametrize(
    ("text", "longest", "seen"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("two words", 5, "two…"),
        ("two\nlines", 20, "two lines"),
        (f"ab{FAMILY}", 6, "ab…"),
        (f"{FLAG}{FLAG}", 3, f"{FLAG}…"),
        (FAMILY + "x", 3, FAMILY + "…"),
    ],
)
def test_a_shortened_text_says_so(text: str, longest: int, seen: str) -> None:
    assert shortened(text, longest) == seen
