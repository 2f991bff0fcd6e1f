"""Layers that follow the movement over the picture below them."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.drawing.motion import CameraPath
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.segments.layers import drawn_layers, seen_layers
from render_service.domain.layers.model import Box, GroupLayer, Keyframe, Layer, ShapeLayer
from render_service.domain.projects.project import Easing, Motion, MotionKind, Project, Shot
from render_service.domain.projects.validation import check_project

SIZE, FPS, FRAMES = (160, 90), 10, 21
KINDS = [MotionKind.ZOOM_IN, MotionKind.ZOOM_OUT, MotionKind.PAN_LEFT, MotionKind.PAN_DOWN, MotionKind.HANDHELD]
DOT = Layer("dot", shape=ShapeLayer(color="#FFFFFF"), box=Box(x=0.8, y=0.5, width=0.1, height=0.2))


def path_of(kind: MotionKind) -> CameraPath:
    motion = Motion(kind, focus_x=0.3, easing=Easing.LINEAR, amount=0.3)
    return CameraPath(motion, 300.0, 200.0, *SIZE, seconds=2)


def middle(layer: Layer, number: int, first: int = 0, kind: MotionKind = MotionKind.PAN_RIGHT) -> tuple[float, float]:
    """Where the middle of what a layer draws lies in a frame, in pixels, if the drawing begins with a frame."""
    path, target = path_of(kind), Planes.empty(*SIZE)
    target.y[...], target.u[...], target.v[...] = 16, 128, 128
    layers = seen_layers(drawn_layers((layer,), FRAMES, FPS, {}, ""), first, FRAMES - first, FPS)

    def camera(frame: int, share: float) -> NDArray[np.float64]:
        return path.carried((first + frame) / (FRAMES - 1), share, SIZE)

    with closing(LayersPainter(layers, SIZE, FPS, {}, camera=camera)) as painter:
        painter.draw(number - first, target)
    lit = target.y.astype(float) - 16
    rows, columns = np.indices(lit.shape)
    return float((columns * lit).sum() / lit.sum()), float((rows * lit).sum() / lit.sum())


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_all_of_a_movement_stays_on_the_picture(kind: MotionKind) -> None:
    path, place = path_of(kind), np.array((40.0, 20.0, 1.0))
    first = path.view(0)
    on_picture = (first.left + 40 * first.width / 160, first.top + 20 * first.height / 90)
    for moment in (0.0, 0.3, 1.0):
        now = path.view(moment)
        seen = ((on_picture[0] - now.left) * 160 / now.width, (on_picture[1] - now.top) * 90 / now.height)
        assert tuple((path.carried(moment, 1.0, SIZE) @ place)[:2]) == pytest.approx(seen)
        assert np.array_equal(path.carried(moment, 0.0, SIZE), np.eye(3))


def test_a_layer_moves_by_its_share_of_the_movement() -> None:
    still, follows, leads = (middle(replace(DOT, parallax=share), FRAMES - 1)[0] for share in (0.0, 1.0, 2.0))
    travel = 0.3 * 160
    assert still - follows == pytest.approx(travel, abs=1.5)
    assert still - leads == pytest.approx(2 * travel, abs=3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slice_draws_what_the_whole_draws(kind: MotionKind) -> None:
    moving = replace(
        DOT,
        parallax=0.5,
        keyframes=(Keyframe(timedelta(0), x=0.4), Keyframe(timedelta(seconds=2), x=0.6)),
    )
    assert middle(moving, 15, 0, kind) == middle(moving, 15, 9, kind)


def test_parallax_is_refused_where_nothing_moves() -> None:
    over_all = Layer("a", shape=DOT.shape, parallax=1)
    group = Layer("b", group=GroupLayer(), parallax=1)
    far = Layer("c", shape=DOT.shape, parallax=2.5)
    shot = Shot("s", caption="", layers=(group, far))
    faults = check_project(Project(shots=(shot,), layers=(over_all,)), "project", lambda _: None, for_render=False)
    fields = {fault.field for fault in faults if fault.field.endswith("parallax")}
    layers = "project.storyboard.shots[0].layers"
    assert fields == {"project.layers[0].parallax", f"{layers}[0].parallax", f"{layers}[1].parallax"}
