"""What only changes the look of a layer leaves the captions around it, and so the rest of its shot, as they are."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.content_hashes import MediaHashes
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import (
    Animation,
    Blend,
    Box,
    Filters,
    Gradient,
    Keyframe,
    Layer,
    Mask,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
)
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.timeline import plan_timeline

SECOND = timedelta(seconds=1)
CAPTION = "The boats slip out one by one before the sun is up. " * 18
STYLE = TextStyle(background="#FFFFFF")
TEXT = Layer(
    "a",
    text=TextLayer("Mara Lindqvist", STYLE),
    box=Box(0.5, 0.8),
    stroke=Stroke("#000000"),
    duration=2 * SECOND,
)
SHAPE = Layer("a", shape=ShapeLayer(color="#FF0000"), box=Box(0.5, 0.8, width=0.5, height=0.1), duration=2 * SECOND)
LOOKS: tuple[dict[str, Any], ...] = (
    {"opacity": 0.5},
    {"blend": Blend.SCREEN},
    {"shadow": Shadow()},
    {"filters": Filters(saturation=0.0)},
    {"mask": Mask()},
    {"enter": Animation(), "exit": Animation()},
    {"keyframes": (Keyframe(SECOND, opacity=0.2),)},
    {"stroke": Stroke("#FF00FF")},
)
TEXTS: tuple[TextLayer, ...] = (
    TextLayer("Mara Lindqvist", replace(STYLE, color="#00FF00")),
    TextLayer("Mara Lindqvist", replace(STYLE, background="#123456")),
    TextLayer("Mara Lindqvist", replace(STYLE, gradient=Gradient())),
    TextLayer("Mara Lindqvist", replace(STYLE, weight=900)),
    TextLayer("Tomas Ek", STYLE),
)
SHAPES = (
    {"shape": ShapeLayer(gradient=Gradient())},
    {"shape": ShapeLayer(ShapeKind.ELLIPSE, color="#FF0000")},
    {"box": replace(SHAPE.box, corner_radius=0.05)},
    {"box": replace(SHAPE.box, width=0.45)},
)
MOVED = (
    replace(TEXT, text=TextLayer("Mara Lindqvist", replace(STYLE, size=0.1))),
    replace(TEXT, box=Box(0.5, 0.7)),
    replace(SHAPE, box=replace(SHAPE.box, height=0.2)),
)


def changed_starts(before: Layer, after: Layer) -> set[int]:
    """The first frames of the segments of a shot of 60 s that change; the layer is seen in its first 2 s."""
    found = []
    for layer in (before, after):
        shot = Shot("a", caption=CAPTION, duration=60 * SECOND, layers=(layer,))
        spec = RenderSpec(Project(shots=(shot,)), OutputSpec(320, 180, 30, Quality.STANDARD))
        _, planned = plan_pictures(spec, plan_timeline(spec.project, 30, {}), MediaHashes())
        found.append({segment.start: segment.job.key for segment in planned})
    assert found[0].keys() == found[1].keys()
    return {start for start, key in found[0].items() if found[1][start] != key}


@pytest.mark.parametrize("layer", [TEXT, SHAPE], ids=["text", "shape"])
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: next(iter(look)))
def test_the_look_of_a_layer_changes_the_segments_that_show_it_alone(layer: Layer, look: dict[str, Any]) -> None:
    assert changed_starts(layer, replace(layer, **look)) == {0}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_letters_of_a_layer_change_the_segments_that_show_it_alone(text: TextLayer) -> None:
    assert changed_starts(TEXT, replace(TEXT, text=text)) == {0}


@pytest.mark.parametrize("change", SHAPES, ids=range(len(SHAPES)))
def test_the_form_of_a_layer_changes_the_segments_that_show_it_alone(change: dict[str, Any]) -> None:
    assert changed_starts(SHAPE, replace(SHAPE, **change)) == {0}


@pytest.mark.parametrize("moved", MOVED, ids=range(len(MOVED)))
def test_what_takes_other_rows_moves_the_captions_of_its_whole_shot(moved: Layer) -> None:
    before = SHAPE if moved.shape else TEXT
    assert changed_starts(before, moved) == {0, 600, 1200}
