"""Filters change colours as CSS defines them, for drawings and clips alike; keys and masks hide what they should."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.drawing.canvas import to_planes
from render_service.compositor.layers.filters import filtered, filtered_planes
from render_service.compositor.layers.pixels import Drawing
from render_service.domain.layers.model import (
    Box,
    ChromaKey,
    ClipLayer,
    Filters,
    Layer,
    Mask,
    PictureLayer,
    ShapeKind,
    ShapeLayer,
)
from tests.integration.compositor.oracle import ffmpeg
from tests.unit.compositor.layers.scenes import backdrop, drawn, to_rgb

SIZE = (192, 108)
COLORS = np.array(((200, 90, 60), (60, 160, 200), (120, 120, 120), (240, 220, 80)), np.uint8)
# Filter Effects Module 1, 10.3, without what lies beyond 0–1.
LUMA = np.array((0.2126, 0.7152, 0.0722))
FORMULAS: dict[str, tuple[Filters, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {
    "brightness": (Filters(brightness=0.7), lambda c: c * 0.7),
    "contrast": (Filters(contrast=0.6), lambda c: (c - 0.5) * 0.6 + 0.5),
    "saturation": (Filters(saturation=0.4), lambda c: c @ LUMA[:, None] + (c - c @ LUMA[:, None]) * 0.4),
    "gray": (Filters(saturation=0.0), lambda c: np.repeat(c @ LUMA[:, None], 3, 1)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_colors_change_by_the_formulas_of_css(name: str) -> None:
    filters, formula = FORMULAS[name]
    expected = formula(COLORS / 255) * 255
    half = np.concatenate((COLORS / 255 * 0.5, np.full((4, 1), 0.5)), 1).astype(np.float32)[None]
    found = filtered(Drawing(half, 0, 0), filters, 100).pixels[0]
    assert np.abs(found[:, :3] * 2 * 255 - expected).max() < 1
    tiles = np.repeat(np.repeat(COLORS[None], 8, 0), 8, 1)
    clip = to_rgb(filtered_planes(to_planes(np.ascontiguousarray(tiles)), filters, 100))
    assert np.abs(clip[4, 4::8].astype(float) - expected).max() < 5


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A red square on green, as a picture and as a clip."""
    folder = tmp_path_factory.mktemp("green")
    pixels = np.full((54, 96, 3), (0, 200, 0), np.uint8)
    pixels[17:37, 38:58] = (40, 40, 220)
    cv2.imwrite(str(folder / "p.png"), pixels)
    ffmpeg("-loop", "1", "-i", folder / "p.png", "-t", "0.5", "-pix_fmt", "yuv420p", folder / "c.mp4")
    return {"picture": folder / "p.png", "clip": folder / "c.mp4"}


@pytest.mark.parametrize("kind", ["picture", "clip"])
def test_a_keyed_color_shows_what_lies_below(kind: str, green: dict[str, Path]) -> None:
    content = {"picture": PictureLayer("g")} if kind == "picture" else {"clip": ClipLayer("g")}
    layer = Layer(**content, filters=Filters(chroma_key=ChromaKey("#00C800")))
    before = to_rgb(backdrop(*SIZE))
    rgb = to_rgb(drawn((layer,), SIZE, files={0: green[kind]}))
    assert np.abs(rgb[54, 96].astype(int) - (220, 40, 40)).max() < 30
    for place in ((10, 10), (54, 20), (100, 170)):
        assert np.abs(rgb[place].astype(int) - before[place]).max() <= 2


@pytest.mark.parametrize("kind", ["shape", "clip"])
def test_a_mask_shows_its_inside_and_inverted_its_outside(kind: str, green: dict[str, Path]) -> None:
    content = {"shape": ShapeLayer(color="#FFFFFF")} if kind == "shape" else {"clip": ClipLayer("g")}
    for inverted in (False, True):
        mask = Mask(ShapeKind.ELLIPSE, box=Box(0.5, 0.5, width=0.5, height=0.5), inverted=inverted)
        rgb = to_rgb(drawn((Layer(**content, mask=mask),), SIZE, files={0: green["clip"]} if kind == "clip" else {}))
        before = to_rgb(backdrop(*SIZE))
        changed = np.abs(rgb.astype(int) - before).max(axis=2) > 12
        assert changed[54, 80] != inverted
        assert changed[5, 5] == inverted


def test_a_blur_makes_edges_soft_and_reaches_beyond_the_box() -> None:
    layer = Layer(shape=ShapeLayer(color="#FFFFFF"), box=Box(0.5, 0.5, width=0.25, height=0.5))
    sharp, soft = drawn((layer,)), drawn((Layer(shape=layer.shape, box=layer.box, filters=Filters(blur=0.1)),))
    assert np.diff(sharp.y[54].astype(int)).max() > 3 * np.diff(soft.y[54].astype(int)).max()
    assert soft.y[54, 68] > backdrop(*SIZE).y[54, 68]
