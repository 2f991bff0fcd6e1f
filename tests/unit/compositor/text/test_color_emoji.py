"""Emoji have colours wherever text is drawn: in captions of every style and preset, on cards and in layers."""

import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.layout import CaptionFormat, caption_area
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.captions.word_cues import word_cues
from render_service.compositor.drawing.cards import draw_card
from render_service.compositor.frames.planes import Planes
from render_service.compositor.text.fonts import split_by_face
from render_service.domain.layers.model import Layer, TextLayer, TextStyle
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.project import CaptionOptions, CaptionStyle
from tests.unit.compositor.layers.scenes import drawn, to_rgb

GRAY = (120, 128, 128)
SIZE = (320, 180)
FLAG = "\U0001f1ef\U0001f1f5"  # Japan: red and white
HEART = "❤\ufe0f"


def gray() -> Planes:
    frame = Planes.empty(*SIZE)
    frame.fill(GRAY)
    return frame


def red_pixels(rgb: NDArray[np.uint8]) -> int:
    red, green, blue = (rgb[..., number].astype(int) for number in range(3))
    return int(((red > 150) & (green < 110) & (blue < 110)).sum())


@pytest.mark.parametrize("style", CaptionStyle)
@pytest.mark.parametrize("emoji", [FLAG, HEART])
def test_captions_draw_emoji_in_color(style: CaptionStyle, emoji: str) -> None:
    frame = gray()
    overlay = draw_caption(f"Go {emoji}", *SIZE, CaptionFormat(style, scale=2))
    assert overlay is not None
    overlay.blend(frame.y, frame.u, frame.v)
    assert red_pixels(to_rgb(frame)) > 15


@pytest.mark.parametrize("preset", CaptionPreset)
def test_presets_draw_emoji_in_color(preset: CaptionPreset) -> None:
    fmt = CaptionFormat(look=chosen_look(CaptionOptions(preset=preset)))
    cue = word_cues(Cue("s", 0, 90, HEART), fmt, SIZE, 30)[-1]
    area = caption_area(*SIZE, fmt, None)
    frame = gray()
    overlay = LookPainter(cue.text, cue.words, fmt, size=SIZE, fps=30, area=area).overlay(cue.end - 1, frame)
    assert overlay is not None
    overlay.blend(frame.y, frame.u, frame.v)
    assert red_pixels(to_rgb(frame)) > 15


def test_cards_draw_emoji_in_color() -> None:
    plain, red = (draw_card(f"Go {text}", *SIZE, seed="x", theme="2") for text in ("♡", HEART))
    assert red_pixels(red) > red_pixels(plain) + 50


def test_layers_draw_emoji_in_color() -> None:
    layer = Layer(text=TextLayer(f"Go {HEART}", TextStyle(size=0.3)))
    assert red_pixels(to_rgb(drawn((layer,), SIZE, under=gray()))) > 200


@pytest.mark.parametrize(
    ("text", "face"),
    [
        ("⭐", "ColorEmoji"),
        ("✅", "ColorEmoji"),
        ("\U0001f44d\U0001f3fd", "ColorEmoji"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "ColorEmoji"),
        ("❤\ufe0e", "Emoji"),
        ("©", "cjk-sc"),
        ("7", "cjk-sc"),
    ],
)
def test_what_is_an_emoji_is_decided_as_unicode_says(text: str, face: str) -> None:
    assert [found.name for _, found in split_by_face(text, "")] == [face]
