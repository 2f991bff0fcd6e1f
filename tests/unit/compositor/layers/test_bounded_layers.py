"""Whatever its size and length, a layer takes bounded work."""

import tracemalloc
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.layers import outlines, painter, texts, windows
from render_service.compositor.text.line_breaking import break_lines
from render_service.domain.layers.model import (
    Animation,
    AnimationKind,
    Box,
    BoxFit,
    Filters,
    Keyframe,
    Layer,
    PictureLayer,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
)
from render_service.domain.layers.path_data import Contour
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


SECOND = timedelta(seconds=1)
HUGE = Box(0.5, 0.5, width=2.0, height=2.0)
GROWS = (Keyframe(timedelta(0), scale=1.0), Keyframe(SECOND, scale=50.0))
STAR = "M 50 0 L 80 100 L 0 35 L 100 35 L 20 100 Z"
LARGE_LAYERS = {
    "grows": Layer("a", shape=ShapeLayer(color="#FF0000"), box=Box(width=0.5), keyframes=GROWS),
    "a large one grows": Layer("a", shape=ShapeLayer(color="#FF0000"), box=HUGE, keyframes=GROWS),
    "a path grows": Layer("a", shape=ShapeLayer(ShapeKind.PATH, STAR, "#FF0000"), box=HUGE, keyframes=GROWS),
    "a text grows": Layer("a", text=TextLayer("Some words to grow", TextStyle(size=0.3)), keyframes=GROWS),
    "a text in a large box": Layer("a", text=TextLayer("Words " * 60, TextStyle(size=0.3)), box=HUGE, keyframes=GROWS),
    "a picture grows": Layer("a", picture=PictureLayer("x"), box=HUGE, keyframes=GROWS),
    "a tall picture": Layer("a", picture=PictureLayer("x"), box=Box(width=2.0)),
    "a tall picture moves": Layer("a", picture=PictureLayer("x"), box=Box(width=2.0), enter=Animation()),
    "a tall picture turns": Layer("a", picture=PictureLayer("x"), box=Box(width=2.0, rotation=33.0)),
    "a wide shadow": Layer("a", shape=ShapeLayer(color="#FF0000"), box=HUGE, keyframes=GROWS, shadow=Shadow(blur=0.2)),
    "a wide blur": Layer("a", shape=ShapeLayer(color="#FF0000"), box=HUGE, keyframes=GROWS, filters=Filters(blur=0.2)),
    "comes out of a blur": Layer(
        "a", shape=ShapeLayer(color="#FF0000"), box=HUGE, keyframes=GROWS, enter=Animation(AnimationKind.BLUR)
    ),
}


@pytest.mark.parametrize("name", LARGE_LAYERS)
def test_the_memory_that_a_layer_takes_has_a_bound_however_large_it_becomes(name: str, tmp_path: Path) -> None:
    layer, files = LARGE_LAYERS[name], {}
    if layer.picture:
        files[0] = tmp_path / "tall.png"
        cv2.imwrite(str(files[0]), np.full((3000, 4, 3), 200, np.uint8))
    most = 400_000
    with patch.object(windows, "_MOST_PIXELS", most):
        drawn([layer], files=files)  # what is loaded once does not count
        tracemalloc.start()
        try:
            for frame in (0, 15, 60):
                drawn([layer], frame=frame, files=files)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # A drawing has 16 bytes a pixel, and up to five are held at once.
    assert peak < 100 * most


BOXES = st.builds(
    Box,
    x=st.floats(-0.6, 1.6),
    y=st.floats(-0.6, 1.6),
    width=st.floats(0.05, 2.0),
    height=st.floats(0.05, 2.0),
    rotation=st.sampled_from([0.0, 0.0, 30.0, 90.0]),
    corner_radius=st.sampled_from([0.0, 0.1]),
)
SHAPES = st.sampled_from(
    [
        ShapeLayer(color="#FF8800"),
        ShapeLayer(ShapeKind.ELLIPSE, color="#FF8800"),
        ShapeLayer(ShapeKind.PATH, STAR, "#FF8800"),
        ShapeLayer(ShapeKind.LINE),
    ]
)


@given(box=BOXES, shape=SHAPES, shadow=st.sampled_from([None, Shadow(blur=0.1)]), blur=st.sampled_from([0.0, 0.05]))
def test_what_lies_outside_of_the_frame_changes_nothing_in_it(
    box: Box, shape: ShapeLayer, shadow: Shadow | None, blur: float
) -> None:
    stroke = Stroke("#0044CC", 0.03)
    layer = Layer("a", shape=shape, box=box, stroke=stroke, shadow=shadow, filters=Filters(blur=blur) if blur else None)
    with patch.object(painter, "visible_part", lambda *_: (-1000, -1000, 2000, 2000)):
        whole = drawn([layer])
    part = drawn([layer])
    for wanted, found in ((whole.y, part.y), (whole.u, part.u), (whole.v, part.v)):
        differences = np.abs(wanted.astype(np.int16) - found)
        # Larger paths have fewer samples a pixel along their edges.
        assert differences.mean() < 0.5 if shape.path else differences.max() <= 2


@pytest.mark.parametrize("fit", BoxFit)
@pytest.mark.parametrize("side", [40, 900])
def test_a_picture_that_reaches_beyond_the_frame_is_seen_as_if_all_of_it_were_drawn(
    fit: BoxFit, side: int, tmp_path: Path
) -> None:
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack((x * 255 / side, y * 255 / side, (x + y) % 256)).astype(np.uint8))
    layer = Layer("a", picture=PictureLayer("x"), box=Box(0.1, 0.8, width=1.7, height=1.3, fit=fit))
    with patch.object(painter, "visible_part", lambda *_: (-1000, -1000, 2000, 2000)):
        whole = drawn([layer], files={0: tmp_path / "a.png"})
    part = drawn([layer], files={0: tmp_path / "a.png"})
    assert np.abs(whole.y.astype(np.int16) - part.y).mean() < 1


@pytest.mark.parametrize("stroke", [0.0, 6.0])
@pytest.mark.parametrize("far", [2e5, 2e6, 1e12])
def test_a_path_with_far_points_is_drawn_where_it_passes(stroke: float, far: float) -> None:
    # A wedge whose sides run through the middle of the mask, from a corner near to it.
    contour = Contour(((10.0, 50.0), (far, 50.0 - far / 10), (far, 50.0 + far / 10)), is_closed=True)
    mask = outlines.path_mask(100, 100, [contour], stroke=stroke)
    assert mask[50, 60] == (0.0 if stroke else 1.0)
    assert mask[45, 60] == pytest.approx(1.0 if stroke else 0.5, abs=0.5)
    assert mask[80, 60] == mask[50, 2] == 0.0
