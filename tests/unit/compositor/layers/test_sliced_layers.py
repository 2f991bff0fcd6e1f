"""A video is drawn in slices, each by another process: wherever it is cut, a layer looks the same."""

from contextlib import closing
from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.segments.layers import DrawnLayer, drawn_layers, seen_layers
from render_service.domain.layers.model import (
    Animation,
    AnimationDirection,
    AnimationKind,
    AnimationUnit,
    Blend,
    Box,
    Keyframe,
    Layer,
    Shadow,
    ShapeLayer,
    TextLayer,
    TextStyle,
)
from tests.unit.compositor.layers.scenes import FPS, backdrop

SIZE = (96, 54)
FRAMES = 24
UNITS = {True: list(AnimationUnit), False: [AnimationUnit.WHOLE]}


@st.composite
def animations(draw: st.DrawFn, *, is_text: bool) -> Animation | None:
    kinds = [kind for kind in AnimationKind if is_text or kind is not AnimationKind.TYPE]
    kind = draw(st.sampled_from([None, *kinds]))
    if kind is None:
        return None
    unit = draw(st.sampled_from(UNITS[is_text]))
    frames = draw(st.integers(1, 10))
    return Animation(kind, unit, timedelta(seconds=frames / FPS), draw(st.sampled_from(AnimationDirection)))


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    is_text = draw(st.booleans())
    keyframes = draw(
        st.sampled_from(
            [
                (),
                (Keyframe(timedelta(0), scale=0.5), Keyframe(timedelta(seconds=0.3), scale=1.6, rotation=20.0)),
                (Keyframe(timedelta(seconds=0.2), x=0.2, opacity=0.4),),
            ]
        )
    )
    return Layer(
        "one",
        text=TextLayer("Two words", TextStyle(size=0.25)) if is_text else None,
        shape=None if is_text else ShapeLayer(color="#FF8800"),
        box=Box(0.5, 0.4)
        if is_text
        else Box(0.5, 0.4, width=0.3, height=0.3, rotation=draw(st.sampled_from([0.0, 30.0]))),
        start=timedelta(seconds=draw(st.integers(0, 3)) / FPS),
        duration=timedelta(seconds=draw(st.integers(12, 22)) / FPS),
        enter=draw(animations(is_text=is_text)),
        exit=draw(animations(is_text=is_text)),
        keyframes=keyframes,
        blend=draw(st.sampled_from([Blend.NORMAL, Blend.NORMAL, Blend.SCREEN])),
        shadow=draw(st.sampled_from([None, Shadow(blur=0.1)])),
    )


def frames_of(shown: tuple[DrawnLayer, ...], count: int) -> list[Planes]:
    found = []
    with closing(LayersPainter(shown, SIZE, FPS, {})) as painter:
        for number in range(count):
            target = backdrop(*SIZE)
            painter.draw(number, target)
            found.append(target)
    return found


@given(layer=layers(), cut=st.integers(1, FRAMES - 1))
def test_a_layer_looks_the_same_wherever_the_video_is_cut(layer: Layer, cut: int) -> None:
    whole = drawn_layers([layer], FRAMES, FPS, {}, "")
    uncut = frames_of(whole, FRAMES)
    sliced = [
        frame
        for first, count in ((0, cut), (cut, FRAMES - cut))
        for frame in frames_of(seen_layers(whole, first, count, FPS), count)
    ]
    for number, (one, other) in enumerate(zip(uncut, sliced, strict=True)):
        for plane, same in ((one.y, other.y), (one.u, other.u), (one.v, other.v)):
            assert np.array_equal(plane, same), f"frame {number}"
