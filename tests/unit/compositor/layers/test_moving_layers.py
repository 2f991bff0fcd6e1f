"""Layers come, go and move as they are told, and stand still in between."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from render_service.compositor.layers.poses import part_areas
from render_service.compositor.layers.texts import draw_text
from render_service.domain.layers.easing import parse_easing
from render_service.domain.layers.model import (
    Animation,
    AnimationDirection,
    AnimationKind,
    AnimationUnit,
    Blend,
    Box,
    GroupLayer,
    Keyframe,
    Layer,
    ShapeLayer,
    TextLayer,
    TextStyle,
)
from tests.unit.compositor.layers.scenes import backdrop, drawn

SIZE = (160, 90)
TEXT = TextLayer("One two\nthree four", TextStyle(size=0.2))
SHAPE = Layer(shape=ShapeLayer(color="#FFFFFF"), box=Box(0.5, 0.5, width=0.25, height=0.4))
BEFORE = backdrop(*SIZE)


def difference(layer: Layer, frame: int, other: Layer | None = None) -> float:
    """How much a frame differs from the one without layers, or with another layer."""
    under = BEFORE if other is None else drawn((other,), SIZE, frame=frame)
    return float(np.abs(drawn((layer,), SIZE, frame=frame).y.astype(int) - under.y).mean())


def centre(layer: Layer, frame: int) -> tuple[float, float]:
    """Where a layer lies in a frame, as fractions of its sides."""
    change = np.abs(drawn((layer,), SIZE, frame=frame).y.astype(float) - BEFORE.y)
    rows, columns = np.indices(change.shape) + 0.5
    return float((columns * change).sum() / change.sum() / SIZE[0]), float(
        (rows * change).sum() / change.sum() / SIZE[1]
    )


@pytest.mark.parametrize("unit", AnimationUnit)
@pytest.mark.parametrize("kind", AnimationKind)
def test_a_text_comes_and_goes_in_its_time_and_is_whole_between(kind: AnimationKind, unit: AnimationUnit) -> None:
    if kind is AnimationKind.TYPE and unit is AnimationUnit.WHOLE:
        return
    still = Layer(text=TEXT)
    animation = Animation(kind, unit, timedelta(seconds=0.5))
    layer = replace(still, enter=animation, exit=animation)
    rest = difference(still, 45)
    assert difference(layer, 0) < 0.75 * rest
    assert difference(layer, 89) < 0.75 * rest
    assert difference(layer, 6, still) > 0.02 * rest
    assert difference(layer, 15, still) == difference(layer, 74, still) == 0


@pytest.mark.parametrize("kind", [kind for kind in AnimationKind if kind is not AnimationKind.TYPE])
@pytest.mark.parametrize("blend", [Blend.NORMAL, Blend.SCREEN])
def test_a_shape_comes_with_every_animation(kind: AnimationKind, blend: Blend) -> None:
    still = replace(SHAPE, blend=blend)
    layer = replace(still, enter=Animation(kind))
    assert difference(layer, 0) < 0.75 * difference(still, 0)
    assert difference(layer, 15, still) == 0


@pytest.mark.parametrize(
    ("direction", "axis", "sign"),
    [
        (AnimationDirection.LEFT, 0, 1),
        (AnimationDirection.RIGHT, 0, -1),
        (AnimationDirection.UP, 1, 1),
        (AnimationDirection.DOWN, 1, -1),
    ],
)
def test_a_slide_moves_in_its_direction(direction: AnimationDirection, axis: int, sign: int) -> None:
    slide = Animation(AnimationKind.SLIDE, direction=direction, easing="linear")
    away = centre(replace(SHAPE, enter=slide), 10)[axis] - 0.5
    assert sign * away > 0.1
    wiped = replace(SHAPE, enter=replace(slide, kind=AnimationKind.WIPE))
    assert sign * (centre(wiped, 7)[axis] - 0.5) > 0.02


def test_letters_are_typed_one_after_the_other() -> None:
    layer = Layer(text=TEXT, enter=Animation(AnimationKind.TYPE, duration=timedelta(seconds=1)))
    ink = [difference(layer, frame) for frame in range(0, 31, 3)]
    assert ink == sorted(ink)
    assert len(set(ink)) > 8


def test_short_layers_shorten_their_animations() -> None:
    long = Animation(duration=timedelta(seconds=5))
    layer = replace(SHAPE, duration=timedelta(seconds=1), enter=long, exit=long)
    rest = difference(SHAPE, 0)
    assert difference(layer, 0) < 0.2 * rest
    assert difference(layer, 14) > 0.85 * rest
    assert difference(layer, 29) < 0.2 * rest


def test_keyframes_move_turn_scale_and_fade() -> None:
    second = timedelta(seconds=1)
    linear = replace(SHAPE, keyframes=(Keyframe(second, x=0.75, y=0.25, easing="linear"),))
    assert centre(linear, 0) == pytest.approx((0.5, 0.5), abs=0.01)
    assert centre(linear, 15) == pytest.approx((0.625, 0.375), abs=0.01)
    assert centre(linear, 30) == centre(linear, 80) == pytest.approx((0.75, 0.25), abs=0.01)
    half = replace(SHAPE, keyframes=(Keyframe(timedelta(0), scale=0.5, opacity=0.5),))
    assert difference(half, 40) == pytest.approx(difference(SHAPE, 40) / 8, rel=0.1)
    turned = replace(SHAPE, keyframes=(Keyframe(timedelta(0), rotation=90),))
    assert difference(turned, 0, replace(SHAPE, box=replace(SHAPE.box, rotation=90))) < 0.2


def test_a_layer_that_grows_stays_sharp() -> None:
    large = Layer(text=TextLayer("I", TextStyle(size=0.8)), box=Box(0.5, 0.5))
    small = Layer(text=TextLayer("I", TextStyle(size=0.2)), box=Box(0.5, 0.5))
    grown = replace(small, keyframes=(Keyframe(timedelta(0), scale=4),))
    steps = [int(np.diff(drawn((layer,), SIZE).y[40].astype(int)).max()) for layer in (small, large, grown)]
    assert steps[2] > 0.8 * steps[1]


def in_group(number: int, *, at: int = 15, **fields: object) -> tuple[float, float]:
    """Where a shape of a group lies in a frame."""
    group = Layer("g", group=GroupLayer(), **fields)  # type: ignore[arg-type]
    under = drawn((group, replace(SHAPE, parent="g", start=timedelta(seconds=at / 30))), SIZE, frame=number)
    change = np.abs(under.y.astype(float) - BEFORE.y)
    if not change.any():
        return 0.0, 0.0
    rows, columns = np.indices(change.shape) + 0.5
    across, down = (float((places * change).sum() / change.sum()) for places in (columns, rows))
    return across / SIZE[0], down / SIZE[1]


def test_a_group_moves_its_layers() -> None:
    second = timedelta(seconds=1)
    assert in_group(0) == (0, 0)
    assert in_group(20) == pytest.approx((0.5, 0.5), abs=0.01)
    moving = (Keyframe(second, x=0.75, y=0.5, easing="linear"),)
    assert in_group(45, keyframes=moving) == pytest.approx((0.75, 0.5), abs=0.01)
    assert in_group(45, start=second) == pytest.approx((0.5, 0.5), abs=0.01)
    assert in_group(40, start=second) == (0, 0)
    assert in_group(50, duration=second) == (0, 0)
    slid = in_group(10, at=0, enter=Animation(AnimationKind.SLIDE, direction=AnimationDirection.LEFT, easing="linear"))
    assert slid[0] > 0.7


@pytest.mark.parametrize("unit", AnimationUnit)
@pytest.mark.parametrize("text", ["One two\nthree four", "مرحبا 12 بالعالم", "港口的清晨", "x"])
def test_the_parts_of_a_text_are_the_whole_text(unit: AnimationUnit, text: str) -> None:
    drawing, _, parts = draw_text(TextLayer(text), Box(), None, (320, 180), "")
    width, height = drawing.width // 2 * 2, drawing.height // 2 * 2
    covered = np.zeros((height, width), int)
    for left, top, right, bottom in part_areas(parts, unit, width, height):
        assert not any(edge % 2 for edge in (left, top, right, bottom))
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("text", ["linear", "ease", "ease-in", "ease-out", "ease-in-out", "spring(0)", "spring(1)"])
def test_an_easing_begins_at_nothing_and_ends_at_all(text: str) -> None:
    ease = parse_easing(text)
    assert (ease(0), ease(1)) == (0, 1)
    assert ease(1e-6) == pytest.approx(0, abs=1e-3)
    assert ease(1 - 1e-6) == pytest.approx(1, abs=2e-3)


def test_easings_are_those_of_css() -> None:
    # Values of Chromium for `cubic-bezier(0.25, 0.1, 0.25, 1)` at a quarter, a half and three quarters.
    assert [parse_easing("ease")(time) for time in (0.25, 0.5, 0.75)] == pytest.approx(
        [0.4085, 0.8024, 0.9605], abs=1e-3
    )
    assert [parse_easing("steps(4)")(time) for time in (0.1, 0.25, 0.6)] == [0, 0.25, 0.5]
    assert max(parse_easing("spring(0.5)")(time / 50) for time in range(50)) > 1.05
