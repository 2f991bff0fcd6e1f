"""A layer that is never seen is named, instead of vanishing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from render_service.compositor.segments.layers import drawn_layers, layer_warnings
from render_service.domain.layers.model import GroupLayer, Layer, ShapeLayer, TextLayer
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.timeline import plan_timeline
from render_service.domain.warning import WarningCode

SECOND = timedelta(seconds=1)
SHOTS = (Shot("one", duration=3 * SECOND), Shot("two", duration=3 * SECOND))
SEEN = Layer("a", shape=ShapeLayer(color="#FF0000"), start=2 * SECOND)
LATE = replace(SEEN, start=3 * SECOND)
GROUP = Layer("g", group=GroupLayer(), start=SECOND, duration=SECOND)


def warned(layers: tuple[Layer, ...], over_all: tuple[Layer, ...] = ()) -> list[tuple[str, str]]:
    project = Project(shots=(replace(SHOTS[0], layers=layers), SHOTS[1]), layers=over_all)
    timeline = plan_timeline(project, 30, {})
    found = list(layer_warnings(project, timeline))
    assert all(one.code is WarningCode.LAYER_NOT_SEEN for one in found)
    # What is not warned of is drawn.
    drawable = [one for one in layers if not one.group]
    unseen = {one.field for one in found if one.shot_id}
    assert len(drawn_layers(layers, timeline.shots[0].frames, 30, {}, "")) == len(drawable) - len(unseen)
    return [(one.shot_id, one.field) for one in found]


def test_a_layer_that_is_seen_is_no_matter() -> None:
    assert warned((SEEN, GROUP, replace(SEEN, id="b", parent="g", start=timedelta(0))), (LATE,)) == []


@pytest.mark.parametrize(
    ("layer", "field"),
    [
        (LATE, "layers[1].start"),
        (replace(LATE, duration=SECOND), "layers[1].start"),
        (Layer("t", text=TextLayer("\x07 \x1b")), "layers[1].text.text"),
        (replace(SEEN, parent="g", start=SECOND), "layers[1].start"),
    ],
)
def test_a_layer_that_is_never_seen_is_named(layer: Layer, field: str) -> None:
    assert warned((GROUP, layer)) == [("one", field)]


def test_a_layer_over_the_video_may_start_until_its_end() -> None:
    assert warned((), (replace(LATE, start=7 * SECOND),)) == [("", "layers[0].start")]
