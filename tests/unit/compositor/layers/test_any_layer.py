"""Whatever layers keep the rules, they can be drawn, and leave the frame's size and the memory around it alone."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from render_service.compositor.frames.planes import Planes
from render_service.domain.layers import model
from render_service.domain.layers.model import Layer
from tests.unit.compositor.layers.scenes import drawn
from tests.unit.server.strategies import LAYERS

ANY = st.builds(
    model.Box,
    x=st.none() | st.floats(-1, 2),
    y=st.none() | st.floats(-1, 2),
    anchor=st.sampled_from(model.Anchor),
    width=st.none() | st.floats(0.001, 2),
    height=st.none() | st.floats(0.001, 2),
    rotation=st.sampled_from([0.0, 7.0, -360.0, 359.9]),
    corner_radius=st.floats(0, 0.5),
)
LETTERS = "ab é你مرحبا\u05d0\u0e17\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1f5\U0001f1f9\ufe0f\n\u00ad"
TEXTS = st.text(st.sampled_from(LETTERS), min_size=1)
ANIMATIONS = st.builds(
    model.Animation,
    kind=st.sampled_from(model.AnimationKind),
    by=st.none() | st.sampled_from(model.AnimationUnit),
    direction=st.none() | st.sampled_from(model.AnimationDirection),
)
MASKS = st.builds(
    model.Mask,
    kind=st.sampled_from([model.ShapeKind.RECTANGLE, model.ShapeKind.ELLIPSE]),
    box=st.none() | ANY,
    feather=st.floats(0, 0.2),
    inverted=st.booleans(),
)
FILTERS = st.builds(model.Filters, brightness=st.floats(0, 4), contrast=st.floats(0, 4), blur=st.floats(0, 0.2))


@given(
    LAYERS,
    TEXTS,
    ANY,
    st.none() | ANIMATIONS,
    st.none() | MASKS,
    st.none() | FILTERS,
    st.sampled_from([(128, 128), (256, 128), (128, 256)]),
    st.integers(0, 59),
)
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_layer_can_be_drawn(  # noqa: PLR0917 - drawn independently of each other
    given_layers: Sequence[Layer],
    text: str,
    box: model.Box,
    animation: model.Animation | None,
    mask: model.Mask | None,
    filters: model.Filters | None,
    size: tuple[int, int],
    frame: int,
) -> None:
    layers = [replace(layer, box=box, mask=mask, filters=filters) for layer in given_layers if not layer.picture]
    layers.append(
        Layer("text", text=model.TextLayer(text), box=box, enter=animation, exit=animation, mask=mask, filters=filters)
    )
    whole = Planes.empty(size[0] + 32, size[1] + 32)
    whole.fill((90, 100, 110))
    inner = Planes(whole.y[16:-16, 16:-16], whole.u[8:-8, 8:-8], whole.v[8:-8, 8:-8])
    drawn(layers, size, frame=frame, frames=60, under=inner)
    for plane, value in zip(whole.all(), (90, 100, 110), strict=True):
        edge = 16 if value == 90 else 8
        assert (plane[:edge] == value).all()
        assert (plane[:, -edge:] == value).all()
