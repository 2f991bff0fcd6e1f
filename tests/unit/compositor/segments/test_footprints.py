"""What only changes the look of a layer leaves the captions around it, and so the rest of its shot, as they are."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from render_service.compositor.drawing.free_rows import _area
from render_service.compositor.segments.layers import footprint
from render_service.domain.layers.model import (
    Animation,
    Blend,
    Box,
    Filters,
    Gradient,
    Keyframe,
    Layer,
    Mask,
    PictureLayer,
    Shadow,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
)

FRAME = (320, 180)
STYLE = TextStyle(background="#FFFFFF")
LAYERS = {
    "text": Layer("a", text=TextLayer("Mara Lindqvist", STYLE), box=Box(0.5, 0.8), stroke=Stroke("#000000")),
    "shape": Layer("a", shape=ShapeLayer(color="#FF0000"), box=Box(0.5, 0.8, width=0.5, height=0.1)),
    "picture": Layer("a", picture=PictureLayer(""), box=Box(0.5, 0.8, width=0.1)),
}
LOOKS: tuple[dict[str, Any], ...] = (
    {"opacity": 0.5},
    {"blend": Blend.SCREEN},
    {"shadow": Shadow()},
    {"filters": Filters(saturation=0.0)},
    {"mask": Mask()},
    {"enter": Animation(), "exit": Animation()},
    {"keyframes": (Keyframe(timedelta(seconds=1), opacity=0.2),)},
)


@pytest.mark.parametrize("name", LAYERS)
def test_a_footprint_takes_the_area_of_its_layer(name: str) -> None:
    layer = LAYERS[name]
    assert _area(footprint(layer), FRAME, "en") == _area(layer, FRAME, "en")


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: next(iter(look)))
def test_the_look_of_a_layer_is_no_part_of_its_footprint(name: str, look: dict[str, Any]) -> None:
    assert footprint(replace(LAYERS[name], **look)) == footprint(LAYERS[name])


def test_colors_are_no_part_of_a_footprint() -> None:
    text, shape = LAYERS["text"], LAYERS["shape"]
    for style in (
        replace(STYLE, color="#00FF00"),
        replace(STYLE, background="#123456"),
        replace(STYLE, gradient=Gradient()),
    ):
        other = replace(text, text=TextLayer("Mara Lindqvist", style), stroke=Stroke("#FF00FF"))
        assert footprint(other) == footprint(text)
    assert footprint(replace(shape, shape=ShapeLayer(gradient=Gradient()))) == footprint(shape)


def test_what_moves_the_edges_of_a_layer_changes_its_footprint() -> None:
    text = LAYERS["text"]
    for style in (
        replace(STYLE, background=""),
        replace(STYLE, size=0.1),
        replace(STYLE, weight=900),
        replace(STYLE, font="x"),
    ):
        assert footprint(replace(text, text=TextLayer("Mara Lindqvist", style))) != footprint(text)
