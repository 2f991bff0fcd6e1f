"""Colours of callers: letters of any colour that a preset may show can be read on what is around them."""

from itertools import product

import numpy as np
import pytest

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.layout import CaptionFormat, caption_area
from render_service.compositor.captions.look import Backing, CaptionLook
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.captions.word_cues import word_cues
from render_service.compositor.frames.planes import Planes
from render_service.domain.layers.contrast import LEAST_CONTRAST, blended, contrast, luminance, rgb
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.project import CaptionOptions, CaptionStyle

COLORS = ["", "#000000", "#FFFFFF", "#767676", "#FF0000"]
SIZE, FPS = (640, 360), 30


def grounds(look: CaptionLook, color: str) -> list[str]:
    """What letters of a colour may touch, over any picture."""
    if look.backing is Backing.LINE:
        return [blended(look.backing_color, below, 1 - look.backing_opacity) for below in ("#000000", "#FFFFFF")]
    return [look.outline_color(color)] if look.stroke else [look.halo_color, look.shadow_color]


@pytest.mark.parametrize("style", [None, *CaptionStyle])
@pytest.mark.parametrize("preset", CaptionPreset)
def test_every_color_that_letters_take_is_legible(preset: CaptionPreset, style: CaptionStyle | None) -> None:
    for color, highlight in product(COLORS, COLORS):
        options = CaptionOptions(
            preset=preset, style=style, color=color, highlight_color=highlight, highlight_words=True
        )
        look = chosen_look(options)
        assert look is not None
        pairs = [(one, ground) for one in look.letter_colors for ground in grounds(look, one)]
        assert {look.ink, look.done or look.ink, *look.accent_colors} <= set(look.letter_colors)
        if look.backing in (Backing.WORD, Backing.MARKER):
            pairs.append((look.backing_ink or look.spoken or look.ink, look.backing_color))
        else:
            assert (look.spoken or look.ink) in look.letter_colors
        for one, ground in pairs:
            assert contrast(luminance(rgb(one)), luminance(rgb(ground))) >= LEAST_CONTRAST, (color, highlight, one)


def seen(luma: int, options: CaptionOptions) -> tuple[int, int]:
    """How many pixels of a word that is spoken are nearly black and nearly white, over a grey picture."""
    fmt, under = CaptionFormat(look=chosen_look(options)), Planes.empty(*SIZE)
    under.fill((luma, 128, 128))
    cue = word_cues(Cue("s", 0, 60, "Harbour"), fmt, SIZE, FPS)[0]
    painter = LookPainter(cue.text, cue.words, fmt, size=SIZE, fps=FPS, area=caption_area(*SIZE, fmt, None))
    overlay = painter.overlay(30, under)
    assert overlay is not None
    overlay.blend(under.y, under.u, under.v)
    return int(np.count_nonzero(under.y < 30)), int(np.count_nonzero(under.y > 220))


@pytest.mark.parametrize("color", ["#000000", "#FFFFFF"])
@pytest.mark.parametrize("preset", [CaptionPreset.HIGHLIGHT, CaptionPreset.WORD_POP, CaptionPreset.BOUNCE])
def test_the_outline_follows_the_color_of_the_word(preset: CaptionPreset, color: str) -> None:
    assert min(seen(120, CaptionOptions(preset=preset, highlight_color=color))) > 100


def test_neither_halo_nor_shadow_swallows_dark_letters() -> None:
    look = chosen_look(CaptionOptions(preset=CaptionPreset.CLEAN, color="#000000"))
    assert look is not None
    assert (look.ink, look.halo_color, look.shadow_color) == ("#000000", "#FFFFFF", "#FFFFFF")
