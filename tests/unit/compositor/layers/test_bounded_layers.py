"""Whatever its size and length, a layer takes bounded work."""

from datetime import timedelta
from unittest.mock import patch

import pytest

from render_service.compositor.layers import painter, texts
from render_service.compositor.text.line_breaking import break_lines
from render_service.domain.layers.model import Box, Keyframe, Layer, ShapeLayer, TextLayer, TextStyle
from tests.unit.compositor.layers.scenes import backdrop, drawn


@pytest.mark.parametrize(("text", "size"), [("a" * 1000, 1.0), ("中文字符测试" * 160, 0.3), ("Some words. " * 80, 0.5)])
def test_a_long_text_in_large_letters_is_broken_into_lines_a_few_times(text: str, size: float) -> None:
    with patch.object(texts, "break_lines", wraps=break_lines) as breaking:
        texts.draw_text(TextLayer(text, TextStyle(size=size)), Box(), None, (1280, 720), "")
    assert breaking.call_count <= 7


def test_what_is_never_visible_is_not_drawn() -> None:
    hidden = Layer("hidden", shape=ShapeLayer(color="#FF0000"), opacity=0.0)
    with patch.object(painter, "draw_layer") as drawing:
        assert (drawn([hidden]).y == backdrop(192, 108).y).all()
    drawing.assert_not_called()


def test_a_layer_that_keyframes_make_visible_is_drawn() -> None:
    shown = Keyframe(timedelta(seconds=1), opacity=1.0)
    layer = Layer("hidden", shape=ShapeLayer(color="#FF0000"), opacity=0.0, keyframes=(shown,))
    assert (drawn([layer], frame=60).y != backdrop(192, 108).y).any()
