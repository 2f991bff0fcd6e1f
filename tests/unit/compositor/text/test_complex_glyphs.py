"""Glyphs that are too complex in a heavy weight are drawn in a lighter one, rather than failing a video."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from render_service.compositor.text.typesetting import LineStyle, draw_line, set_line


@pytest.mark.parametrize("stroke", [0.0, 3.0])
@pytest.mark.parametrize("weight", [100, 400, 600, 900])
@pytest.mark.parametrize("size", [12, 60])
def test_the_widest_ligature_of_arabic_is_drawn(size: int, weight: int, stroke: float) -> None:
    mask = Image.new("L", (15 * size, 3 * size))
    draw_line(
        ImageDraw.Draw(mask),
        set_line("\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}", LineStyle(size, weight)),
        size,
        2 * size,
        stroke=stroke,
    )
    assert np.asarray(mask).any(axis=0).sum() > 8 * size
