"""Where layers are drawn, and what they leave alone."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from render_service.compositor.frames.planes import Planes
from render_service.domain.layers.model import (
    Anchor,
    Blend,
    Box,
    BoxFit,
    Layer,
    PictureLayer,
    Shadow,
    ShapeKind,
    ShapeLayer,
    TextLayer,
    TextStyle,
)
from tests.unit.compositor.layers.scenes import backdrop, drawn, to_rgb

SIZE = (192, 108)
RED = ShapeLayer(color="#FF0000")


def changed(after: Planes, before: Planes) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what differs between two frames."""
    rows, columns = np.nonzero(np.abs(after.y.astype(int) - before.y) > 3)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(), (0, 0, 192, 108)),
        (Box(width=0.5, height=0.5), (48, 27, 144, 81)),
        (Box(anchor=Anchor.TOP_LEFT, width=0.25, height=0.5), (0, 0, 48, 54)),
        (Box(anchor=Anchor.BOTTOM_RIGHT, height=0.5), (138, 54, 192, 108)),
        (Box(0.75, 0.5, Anchor.LEFT, width=0.5, height=1), (144, 0, 192, 108)),
        (Box(0.5, 0.5, width=0.25, height=0.5, rotation=90), (69, 30, 123, 78)),
    ],
)
def test_a_box_lies_where_its_anchor_and_size_say(box: Box, expected: tuple[int, int, int, int]) -> None:
    found = changed(drawn((Layer(shape=ShapeLayer(color="#FFFFFF"), box=box),)), backdrop(*SIZE))
    assert found == expected


@pytest.mark.parametrize("blend", Blend)
def test_a_layer_changes_its_own_rectangle_only(blend: Blend) -> None:
    layer = Layer(shape=RED, box=Box(0.5, 0.5, width=0.25, height=0.5), blend=blend)
    before, after = backdrop(*SIZE), drawn((layer,))
    for plane, old in zip(after.all(), before.all(), strict=True):
        rows, columns = plane.shape
        outside = np.ones(plane.shape, bool)
        outside[rows // 4 - 1 : rows * 3 // 4 + 1, columns * 3 // 8 - 1 : columns * 5 // 8 + 1] = False
        assert (plane[outside] == old[outside]).all()
        assert (plane != old).any()


# W3C Compositing and Blending, 9.1, for a backdrop and a source in sRGB, 0–1.
FORMULAS = {
    Blend.NORMAL: lambda b, s: s,
    Blend.MULTIPLY: lambda b, s: b * s,
    Blend.SCREEN: lambda b, s: b + s - b * s,
    Blend.OVERLAY: lambda b, s: np.where(b <= 0.5, 2 * b * s, 1 - 2 * (1 - b) * (1 - s)),
    Blend.ADD: lambda b, s: np.minimum(b + s, 1),
}


@pytest.mark.parametrize("blend", Blend)
def test_colors_blend_by_the_formulas_of_css(blend: Blend) -> None:
    under = to_rgb(backdrop(*SIZE)).astype(np.float64) / 255
    layer = Layer(shape=ShapeLayer(color="#C06030"), blend=blend, opacity=0.75)
    source = np.array((0xC0, 0x60, 0x30)) / 255
    mixed = FORMULAS[blend](under, source) - under
    # `plus-lighter` adds what the opacity leaves of the source.
    expected = np.minimum(under + 0.75 * (source if blend is Blend.ADD else mixed), 1)
    found = to_rgb(drawn((layer,))).astype(np.float64) / 255
    assert np.abs(found - expected).max() < 0.02


def test_a_layer_is_seen_from_its_start_for_its_duration() -> None:
    layer = Layer(shape=RED, start=timedelta(seconds=1), duration=timedelta(seconds=0.5))
    before = backdrop(*SIZE)
    seen = [frame for frame in range(90) if (drawn((layer,), frame=frame).y != before.y).any()]
    assert seen == list(range(30, 45))


def test_the_last_layer_lies_on_top() -> None:
    below, above = Layer(shape=RED), Layer(shape=ShapeLayer(color="#00FF00"))
    assert to_rgb(drawn((below, above)))[50, 90].argmax() == 1


def picture(path: Path, width: int, height: int) -> Path:
    """Write a picture whose left half is red and whose right half is blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = (0, 0, 255), (255, 0, 0)
    cv2.imwrite(str(path), pixels)
    return path


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(width=0.25), (72, 42, 120, 66)),
        (Box(height=0.5), (42, 27, 150, 81)),
        (Box(width=0.25, height=0.5), (72, 27, 120, 81)),
        (Box(width=0.25, height=0.5, fit=BoxFit.CONTAIN), (72, 42, 120, 66)),
        (Box(width=0.25, height=0.5, fit=BoxFit.FILL), (72, 27, 120, 81)),
    ],
)
def test_a_picture_keeps_its_shape_or_fills_its_box(
    box: Box, expected: tuple[int, int, int, int], tmp_path: Path
) -> None:
    layer = Layer(picture=PictureLayer("given"), box=box)
    under = Planes.empty(*SIZE)
    under.fill((200, 128, 128))
    after = drawn((layer,), under=under, files={0: picture(tmp_path / "p.png", 80, 40)})
    plain = Planes.empty(*SIZE)
    plain.fill((200, 128, 128))
    assert changed(after, plain) == expected
    rgb = to_rgb(after)
    assert (int(rgb[54, 92].argmax()), int(rgb[54, 100].argmax())) == (0, 2)


def test_a_round_picture_shows_what_is_under_its_corners(tmp_path: Path) -> None:
    box = Box(width=0.5, height=0.8, corner_radius=0.2)
    layer = Layer(picture=PictureLayer("given"), box=box)
    before = backdrop(*SIZE)
    after = drawn((layer,), files={0: picture(tmp_path / "p.png", 80, 40)})
    assert after.y[11, 49] == before.y[11, 49]
    assert after.y[54, 49] != before.y[54, 49]


@pytest.mark.parametrize("size", [(192, 108), (108, 192), (128, 128)])
def test_a_text_stays_in_its_box_whatever_its_length(size: tuple[int, int]) -> None:
    for text in (
        "Hi",
        "Several words in a row that go on",
        "Donaudampfschifffahrtsgesellschaft",
        "港口的清晨很安静" * 8,
    ):
        layer = Layer(text=TextLayer(text, TextStyle(size=0.3)), box=Box(0.5, 0.5, width=0.5, height=0.4))
        left, top, right, bottom = changed(drawn((layer,), size), backdrop(*size))
        assert left >= 0.25 * size[0] - 2
        assert right <= 0.75 * size[0] + 2
        assert top >= 0.3 * size[1] - 2
        assert bottom <= 0.7 * size[1] + 2


def test_a_text_of_nothing_visible_draws_nothing() -> None:
    layer = Layer(text=TextLayer("\u00ad\u2066"))
    assert (drawn((layer,)).y == backdrop(*SIZE).y).all()


def test_a_layer_outside_the_frame_draws_nothing() -> None:
    layer = Layer(shape=RED, box=Box(1.5, 0.5, width=0.2, height=0.2))
    assert (drawn((layer,)).y == backdrop(*SIZE).y).all()


def test_a_shadow_lies_under_its_layer_and_beyond_it() -> None:
    layer = Layer(shape=ShapeLayer(ShapeKind.RECTANGLE, color="#FFFFFF"), box=Box(width=0.25, height=0.5))
    shadowed = replace(layer, shadow=Shadow("#000000", blur=0.1, y=0.05))
    plain, dark, before = drawn((layer,)), drawn((shadowed,)), backdrop(*SIZE)
    assert (dark.y[30:78, 75:117] == plain.y[30:78, 75:117]).all()
    assert dark.y[84, 96] < before.y[84, 96] - 20
