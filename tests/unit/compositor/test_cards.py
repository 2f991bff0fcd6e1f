"""Cards are the same every time, keep their text in the frame, and leave the foot free for captions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from render_service.compositor.drawing.cards import draw_card, draw_title_card

SHAPES = [(1280, 720), (720, 1280), (720, 720), (720, 900), (128, 128), (1280, 128)]
TEXTS = ["A quiet harbour at dawn", "清晨的港口，薄雾中的渔船", "ميناء هادئ عند الفجر", "", "prompt, " * 400]


def letters(card: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where near-white ink is."""
    white: NDArray[np.bool_] = card.min(axis=2) > 140
    return white


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_inside_the_frame_and_above_the_captions(text: str, shape: tuple[int, int]) -> None:
    width, height = shape
    card = draw_card(text, width, height, seed="shot-1")
    assert card.shape == (height, width, 3)
    ink = letters(card)
    assert ink.any() == bool(text)
    edge = round(0.04 * width)
    assert not ink[:, :edge].any()
    assert not ink[:, -edge:].any()
    assert not ink[round(0.8 * height) :].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_titles_stand_in_the_middle(shape: tuple[int, int]) -> None:
    width, height = shape
    ink = letters(draw_title_card("The Harbour", "", width, height, seed="t"))
    columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    assert abs(columns.min() + columns.max() - width) < 0.04 * width
    assert abs(rows.min() + rows.max() - height) < 0.16 * height


@pytest.mark.parametrize("shape", SHAPES)
def test_long_titles_and_subtitles_stay_inside_the_frame(shape: tuple[int, int]) -> None:
    width, height = shape
    ink = letters(draw_title_card("A very long title " * 11, "and its subtitle " * 23, width, height, seed="t"))
    assert not ink[:2].any()
    assert not ink[-2:].any()
    assert not ink[:, : round(0.04 * width)].any()
    assert not ink[:, -round(0.04 * width) :].any()


def test_the_same_card_gives_the_same_bytes_and_another_shot_another_picture() -> None:
    first = draw_card("Dawn", 640, 360, seed="a")
    assert first.tobytes() == draw_card("Dawn", 640, 360, seed="a").tobytes()
    assert first.tobytes() != draw_card("Dawn", 640, 360, seed="b").tobytes()


def test_cards_of_one_theme_share_their_colours() -> None:
    corners = [draw_card("", 640, 360, seed=f"shot-{n}", theme="film")[180, 320].astype(int) for n in range(4)]
    assert max(np.abs(corner - corners[0]).max() for corner in corners) < 24


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60))
def test_any_text_makes_a_card(text: str) -> None:
    assert draw_card(text, 320, 180, seed="s").std() > 1


def test_characters_without_a_glyph_are_drawn_as_replaced() -> None:
    replaced = draw_card("A dog \U00013080 runs", 320, 180, seed="s")
    assert replaced.tobytes() == draw_card("A dog \ufffd runs", 320, 180, seed="s").tobytes()
