"""Texts in mixed directions are ordered as FriBidi orders them, which Pillow uses when it is given a whole line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageDraw

from render_service.compositor.text import bidi
from render_service.compositor.text.fonts import load_font, split_by_face
from render_service.compositor.text.typesetting import new_mask

# This face has Latin letters and digits as well, so that FriBidi can set a whole mixed line with it.
_FACE = split_by_face("م", "")[0][1]
_FONT = load_font(_FACE, 32, 400)
_WIDTH, _HEIGHT = 1200, 80

MIXED = [
    "مرحبا بالعالم",
    "قوارب 3 و 12 سوق",
    "سعر 12.50 هنا",
    "مرحبا (بالعالم) هنا!",
    "سنة 1999-2001، نعم",
    "the word مرحبا means (hello) to us",
    "مرحبا hello world نعم 3 boats لا",
    "50% من الناس",
    "نعم: لا، ثم؟ (a b) حسنا.",
    "a (ب) c [د 3] 5",
]


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("text", MIXED)
def test_mixed_directions_are_drawn_as_fribidi_draws_them(text: str, base: int) -> None:
    assert np.abs(_by_fribidi(text, base) - _by_us(text, base)).max() < 70


def _by_fribidi(text: str, base: int) -> NDArray[np.float32]:
    mask = new_mask(_WIDTH, _HEIGHT)
    direction = "rtl" if base else "ltr"
    ImageDraw.Draw(mask).text((20, 50), text, fill=255, font=_FONT, anchor="ls", direction=direction)
    return _coarse(np.asarray(mask, np.float32))


def _by_us(text: str, base: int) -> NDArray[np.float32]:
    levels = bidi.levels(text, base)
    runs: list[tuple[str, int]] = []
    for character, level in zip(text, levels, strict=True):
        if runs and runs[-1][1] == level:
            runs[-1] = (runs[-1][0] + character, level)
        else:
            runs.append((character, level))
    mask, x = new_mask(_WIDTH, _HEIGHT), 20.0
    for number in bidi.visual_order([level for _, level in runs]):
        part, level = runs[number]
        direction = "rtl" if level % 2 else "ltr"
        ImageDraw.Draw(mask).text((x, 50), part, fill=255, font=_FONT, anchor="ls", direction=direction)
        x += _FONT.getlength(part, direction=direction)
    return _coarse(np.asarray(mask, np.float32))


def _coarse(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average cells of 16 pixels, in which a fraction of a pixel does not count but a letter does."""
    cells: NDArray[np.float32] = picture.reshape(_HEIGHT // 16, 16, _WIDTH // 16, 16).mean(axis=(1, 3))
    return cells


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aZ אב مر 12٣٤ .,:%$()[]-/", max_size=20), st.integers(0, 1))
def test_every_character_is_drawn_once_and_in_a_direction_its_kind_allows(text: str, base: int) -> None:
    levels = bidi.levels(text, base)
    assert sorted(bidi.visual_order(levels)) == list(range(len(text)))
    for character, level in zip(text, levels, strict=True):
        assert base <= level <= base + 2
        if character in "אבمر":
            assert level % 2 == 1
        elif character in "aZ12٣٤":
            assert level % 2 == 0


def test_a_paragraph_takes_its_direction_from_its_first_letter() -> None:
    assert bidi.base_level("123 - مرحبا hello") == 1
    assert bidi.base_level("123 - hello مرحبا") == 0
    assert bidi.base_level("123") == 0
