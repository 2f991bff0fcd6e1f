"""Captions are legible, inside the safe area, the same every time, and leave the rest of the frame alone."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.layout import CaptionFormat, caption_size, lay_out_caption
from render_service.compositor.captions.safe_areas import safe_area
from render_service.domain.projects.project import CaptionStyle

SHAPES = [(1920, 1080), (1080, 1920), (1080, 1080), (1080, 1350), (320, 180), (180, 320), (128, 128), (3840, 128)]
TEXTS = {
    "english": "The harbour wakes before the sun does, and the boats slip out one by one.",
    "chinese": "港口比太阳醒得更早，渔船一艘接一艘地驶出港湾。",
    "japanese": "港は太陽よりも早く目を覚まします。",
    "korean": "항구는 태양보다 먼저 깨어난다.",
    "arabic": "يستيقظ الميناء قبل الشمس، ٣ قوارب (أو 12).",
    "mixed": "The word مرحبا means 你好 — “hello”!",
    "hebrew": "הנמל מתעורר לפני השמש",
    "thai": "ท่าเรือตื่นก่อนพระอาทิตย์ขึ้น",
    "hindi": "बंदरगाह सूरज से पहले जागता है",
    "vietnamese": "Bến cảng thức dậy trước mặt trời Ế",
    "one long word": "Donaudampfschifffahrtsgesellschaftskapitän" * 4,
    "far too long": "The boats slip out one by one, quietly. " * 25,
}


def gray(width: int, height: int, luma: int = 110) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    half = (height // 2, width // 2)
    return np.full((height, width), luma, np.uint8), np.full(half, 100, np.uint8), np.full(half, 150, np.uint8)


def drawn(text: str, width: int, height: int, fmt: CaptionFormat, luma: int = 110) -> NDArray[np.uint8]:
    planes = gray(width, height, luma)
    overlay = draw_caption(text, width, height, fmt)
    assert overlay is not None
    overlay.blend(*planes)
    return planes[0]


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(st.sampled_from(list(TEXTS.values())), st.text(min_size=1, max_size=80)),
    st.tuples(st.integers(64, 480), st.integers(64, 480)),
    st.sampled_from(list(CaptionStyle)),
    st.floats(0.5, 2.0),
)
@example(TEXTS["far too long"], (960, 540), CaptionStyle.OUTLINE, 2.0)
@example("\u0e49" * 40, (64, 64), CaptionStyle.BOX, 2.0)
def test_no_caption_ever_leaves_the_safe_area(
    text: str, halves: tuple[int, int], style: CaptionStyle, scale: float
) -> None:
    width, height = halves[0] * 2, halves[1] * 2
    overlay = draw_caption(text, width, height, CaptionFormat(style, scale))
    if overlay is None:
        return
    area = safe_area(width, height)
    assert area.x <= overlay.x
    assert area.y <= overlay.y
    assert overlay.x + overlay.width <= area.x + area.width
    assert overlay.y + overlay.height <= area.y + area.height
    assert overlay.x % 2 == overlay.y % 2 == overlay.width % 2 == overlay.height % 2 == 0


@pytest.mark.parametrize("style", CaptionStyle)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_no_letter_is_cut_off_at_the_edge_of_its_drawing(text: str, style: CaptionStyle) -> None:
    overlay = draw_caption(text, 640, 360, CaptionFormat(style))
    assert overlay is not None
    # White letters are what is bright in the drawing; its border must hold none of them.
    bright = overlay.luma > 170
    assert bright.any()
    assert not bright[:2].any()
    assert not bright[-2:].any()
    assert not bright[:, :2].any()
    assert not bright[:, -2:].any()


@pytest.mark.parametrize("style", CaptionStyle)
@pytest.mark.parametrize("luma", [16, 110, 235])
def test_captions_stand_out_from_dark_and_bright_pictures(style: CaptionStyle, luma: int) -> None:
    frame = drawn(TEXTS["chinese"], 1280, 720, CaptionFormat(style), luma).astype(int)
    changed = frame[frame != luma]
    assert changed.max() >= 230 or luma == 235
    if luma > 100:
        # Something dark surrounds the letters where the picture is not dark itself.
        assert (changed < luma - 60).sum() > 300


def test_the_frame_outside_the_caption_is_left_alone() -> None:
    luma, chroma_u, chroma_v = gray(640, 360)
    overlay = draw_caption(TEXTS["english"], 640, 360, CaptionFormat())
    assert overlay is not None
    overlay.blend(luma, chroma_u, chroma_v)
    outside = np.ones((360, 640), bool)
    outside[overlay.y : overlay.y + overlay.height, overlay.x : overlay.x + overlay.width] = False
    assert (luma[outside] == 110).all()
    assert (chroma_u[outside[::2, ::2]] == 100).all()
    assert (chroma_v[outside[::2, ::2]] == 150).all()


def test_letters_are_white_and_colourless() -> None:
    luma, chroma_u, chroma_v = gray(1280, 720)
    overlay = draw_caption("████", 1280, 720, CaptionFormat())
    assert overlay is not None
    overlay.blend(luma, chroma_u, chroma_v)
    assert luma.max() == 235
    inside = (slice((overlay.y + overlay.height // 2) // 2, None), slice((overlay.x + overlay.width // 2) // 2, None))
    assert chroma_u[inside][0, 0] == chroma_v[inside][0, 0] == 128


@pytest.mark.parametrize("style", CaptionStyle)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_caption_gives_the_same_bytes(shape: tuple[int, int], style: CaptionStyle) -> None:
    first = draw_caption(TEXTS["mixed"], *shape, CaptionFormat(style))
    draw_caption(TEXTS["arabic"], *shape, CaptionFormat(style))
    lay_out_caption.cache_clear()
    second = draw_caption(TEXTS["mixed"], *shape, CaptionFormat(style))
    assert first is not None
    assert second is not None
    for name in ("luma", "chroma_u", "chroma_v", "clear", "clear_chroma"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_another_process_draws_the_same_bytes() -> None:
    program = (
        "import hashlib;"
        "from tests.unit.compositor.test_caption_drawing import TEXTS, drawn;"
        "from render_service.compositor.captions.layout import CaptionFormat;"
        "print(hashlib.sha256(drawn(TEXTS['mixed'], 640, 360, CaptionFormat()).tobytes()).hexdigest())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
    )
    here = hashlib.sha256(drawn(TEXTS["mixed"], 640, 360, CaptionFormat()).tobytes()).hexdigest()
    assert answer.stdout.decode().strip() == here


def test_captions_of_phones_are_larger_and_end_above_the_lower_quarter() -> None:
    fmt = CaptionFormat(scale=1.35)
    assert caption_size(1080, 1920, fmt) > caption_size(1920, 1080, CaptionFormat())
    overlay = draw_caption(TEXTS["chinese"], 1080, 1920, fmt)
    assert overlay is not None
    assert overlay.y + overlay.height < 0.75 * 1920


def test_two_lines_at_most_in_landscape_before_letters_shrink() -> None:
    layout = lay_out_caption(TEXTS["english"], 1920, 1080, CaptionFormat())
    assert layout is not None
    assert len(layout.lines) == 2
    assert layout.size == caption_size(1920, 1080, CaptionFormat())


def test_a_full_stop_does_not_push_a_chinese_line_off_its_centre() -> None:
    frame = drawn("港口比太阳醒得更早。", 1280, 720, CaptionFormat(CaptionStyle.PLAIN))
    columns = np.flatnonzero((frame > 200).any(axis=0))
    # The full stop's own ink is small and low; half of its cell is blank.
    assert abs(columns.min() + columns.max() - 1280) <= 20


def test_an_empty_caption_draws_nothing() -> None:
    assert draw_caption(" \n", 640, 360, CaptionFormat()) is None


@pytest.mark.parametrize("text", ["one two three", "واحد اثنان ثلاثة", "一二三"])
def test_only_the_spoken_word_is_coloured(text: str) -> None:
    words: list[int | None] = []
    number = 0
    for position, character in enumerate(text):
        if character == " ":
            number += 1
            words.append(None)
        else:
            words.append(position if " " not in text else number)
    plain = draw_caption(text, 640, 360, CaptionFormat(), words=words)
    assert plain is not None
    boxes = []
    for word in range(3):
        lit = draw_caption(text, 640, 360, CaptionFormat(), words=words, highlighted=word)
        assert lit is not None
        assert (lit.x, lit.y, lit.width, lit.height) == (plain.x, plain.y, plain.width, plain.height)
        columns = np.flatnonzero((lit.chroma_u.astype(int) < plain.chroma_u.astype(int) - 10).any(axis=0))
        assert columns.size
        boxes.append((columns.min(), columns.max()))
    if text[0] == "و":
        boxes.reverse()
    assert boxes[0][1] < boxes[1][0]
    assert boxes[1][1] < boxes[2][0]


def test_chinese_and_japanese_captions_use_their_own_forms_of_shared_characters() -> None:
    chinese = draw_caption("直骨令", 1280, 720, CaptionFormat(language="zh-Hans"))
    japanese = draw_caption("直骨令", 1280, 720, CaptionFormat(language="ja"))
    assert chinese is not None
    assert japanese is not None
    assert chinese.luma.tobytes() != japanese.luma.tobytes()


def test_the_second_language_of_a_bilingual_caption_is_set_smaller() -> None:
    fmt = CaptionFormat(language="zh-Hans")
    layout = lay_out_caption("The harbour wakes before the sun.\n港口比太阳醒得更早。", 1920, 1080, fmt)
    assert layout is not None
    english, chinese = layout.lines
    assert english.kind.size < 0.8 * chinese.kind.size
    assert chinese.kind.size == caption_size(1920, 1080, fmt)


def test_each_paragraph_keeps_its_own_direction() -> None:
    layout = lay_out_caption("يستيقظ الميناء!\nThe harbour wakes!", 1920, 1080, CaptionFormat())
    assert layout is not None
    arabic, english = layout.lines
    # A mark at the end is read last: in a run to the left in Arabic, in one to the right in English.
    assert [(run.text[-1], run.rightwards) for run in arabic.runs] == [("!", False)]
    assert [(run.text[-1], run.rightwards) for run in english.runs] == [("!", True)]
