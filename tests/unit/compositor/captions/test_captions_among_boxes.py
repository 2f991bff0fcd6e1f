"""Captions of any look and script touch neither layers nor a logo, in frames of any shape."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.layout import CaptionFormat, caption_area, caption_size
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.captions.word_cues import word_cues
from render_service.compositor.drawing.free_rows import Rows, blocked_rows, clear_of
from render_service.compositor.frames.overlay import Overlay
from render_service.compositor.frames.planes import Planes
from render_service.domain.layers.model import Anchor, Box, Layer, ShapeLayer
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.project import CaptionOptions, CaptionStyle

SIZES = [(320, 180), (180, 320), (240, 240), (256, 1024), (1024, 256)]
FORMATS = [CaptionFormat(style) for style in CaptionStyle] + [
    CaptionFormat(look=chosen_look(CaptionOptions(preset=preset))) for preset in CaptionPreset
]
TEXTS = [
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk wakes before dawn.",
    "渔船在日出之前离开港口，没有人挥手告别。",
    "تغادر القوارب الصغيرة الميناء قبل شروق الشمس.",
    "Small boats leave the harbour before dawn, and nobody waves.",
]


def drawn(text: str, fmt: CaptionFormat, size: tuple[int, int], area: Rect) -> Overlay:
    """The caption; of a preset its first cue, with all words spoken."""
    if fmt.look is None:
        overlay = draw_caption(text, *size, fmt, area=area)
    else:
        cue = word_cues(Cue("s", 0, 90, text), fmt, size, 30)[0]
        under = Planes.empty(*size)
        under.fill((120, 128, 128))
        overlay = LookPainter(cue.text, cue.words, fmt, size=size, fps=30, area=area).overlay(cue.end - 1, under)
    assert overlay is not None
    return overlay


def longest_free(blocked: Sequence[Rows], area: Rect) -> int:
    """The most rows of an area, in pixels, that follow each other and are not blocked."""
    rows = ["." if area.y <= row < area.y + area.height else "x" for row in range(area.y + area.height)]
    for top, foot in blocked:
        rows[max(0, top) : max(0, foot)] = ["x"] * len(rows[max(0, top) : max(0, foot)])
    return max(map(len, "".join(rows).split("x")))


@given(
    size=st.sampled_from(SIZES),
    fmt=st.sampled_from(FORMATS),
    text=st.sampled_from(TEXTS),
    rows=st.lists(st.tuples(st.floats(0, 0.95), st.floats(0.02, 0.3)), min_size=1, max_size=3),
    logo=st.none() | st.tuples(st.booleans(), st.booleans(), st.floats(0.05, 0.25)),
)
@settings(max_examples=50, deadline=None)
def test_captions_touch_neither_layers_nor_the_logo(
    size: tuple[int, int],
    fmt: CaptionFormat,
    text: str,
    rows: list[tuple[float, float]],
    logo: tuple[bool, bool, float] | None,
) -> None:
    width, height = size
    layers = [
        Layer(f"l{number}", shape=ShapeLayer(), box=Box(0.1, top, Anchor.TOP_LEFT, 0.7, min(high, 1 - top)))
        for number, (top, high) in enumerate(rows)
    ]
    mark = None
    if logo is not None:
        side = round(logo[2] * min(size)) // 2 * 2
        mark = Rect(8 if logo[0] else width - 8 - side, 8 if logo[1] else height - 8 - side, side, side)
    whole = caption_area(*size, fmt, mark)
    blocked = blocked_rows(layers, fmt, size)
    area = clear_of(whole, blocked, fmt, size)
    overlay = drawn(text, fmt, size, area)
    ink = np.zeros((height, width), np.bool_)
    ink[overlay.y : overlay.y + overlay.height, overlay.x : overlay.x + overlay.width] = overlay.clear < 100
    assert ink.any()
    if mark is not None:
        assert not ink[mark.y : mark.y + mark.height, mark.x : mark.x + mark.width].any()
    if area == whole and longest_free(blocked, whole) < 1.6 * caption_size(*size, fmt):
        # There is no room, so that captions stand where they always do.
        return
    for layer in layers:
        assert layer.box.height
        assert layer.box.y is not None
        top, foot = round(layer.box.y * height), round((layer.box.y + layer.box.height) * height)
        assert not ink[top:foot].any()


@pytest.mark.parametrize("fmt", FORMATS)
def test_letters_in_narrow_frames_can_be_read(fmt: CaptionFormat) -> None:
    for size in ((256, 1024), (1024, 256)):
        em = caption_size(*size, fmt)
        # Capitals are some 0.7 em high.
        assert 0.7 * em >= 14
        assert 0.7 * em >= 0.05 * min(size)
