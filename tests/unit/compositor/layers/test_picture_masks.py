"""Layers that are seen through a picture."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.layers import drawn_layers
from render_service.domain.layers.model import Box, Layer, Mask, ShapeKind, ShapeLayer, layer_files
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.validation import check_project

SIZE = (80, 60)
URI = "https://example.com/mask.png"


def drawn(folder: Path, picture: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """Luma of a white layer over black, seen through a picture."""
    path = folder / "mask.png"
    Image.fromarray(picture).save(path)
    layer = Layer("a", shape=ShapeLayer(color="#FFFFFF"), box=Box(width=0.5, height=1), mask=mask)
    target = Planes.empty(*SIZE)
    target.y[...], target.u[...], target.v[...] = 16, 128, 128
    layers = drawn_layers((layer,), 1, 10, {"layers[0].mask.picture_uri": "hash"}, "")
    assert [one.files for one in layers] == [("hash",)]
    with closing(LayersPainter(layers, SIZE, 10, {"hash": Asset(path, "layers[0].mask.picture_uri")})) as painter:
        painter.draw(0, target)
    return target.y


@pytest.mark.parametrize("transparent", [True, False])
@pytest.mark.parametrize("inverted", [True, False])
def test_a_layer_is_seen_where_its_picture_is_opaque_or_bright(
    tmp_path: Path, transparent: bool, inverted: bool
) -> None:
    # The upper half lets through: by opacity, whatever its colour, or by brightness.
    picture = np.zeros((60, 40, 4 if transparent else 3), np.uint8)
    picture[:30, :, 3 if transparent else 0 :] = 255
    luma = drawn(tmp_path, picture, Mask(picture_uri=URI, inverted=inverted))
    upper, lower = (16, 235) if inverted else (235, 16)
    assert (luma[2:28, 22:58] == upper).all()
    assert (luma[32:58, 22:58] == lower).all()
    assert (luma[:, :18] == 16).all()


def test_a_mask_reaches_beyond_neither_its_box_nor_the_layer(tmp_path: Path) -> None:
    white = np.full((9, 9, 3), 255, np.uint8)
    luma = drawn(tmp_path, white, Mask(picture_uri=URI, box=Box(x=0.25, y=0.5, width=0.3, height=2)))
    assert (luma[:, 22:30] == 235).all()
    assert (luma[:, 34:] == 16).all()


def test_the_picture_of_a_mask_is_a_file_like_others_and_no_shape() -> None:
    good = Layer("a", shape=ShapeLayer(color="#FFFFFF"), mask=Mask(picture_uri=URI))
    bad = Layer("b", shape=good.shape, mask=Mask(ShapeKind.ELLIPSE, picture_uri="ftp://x"))
    assert list(layer_files((good,))) == [("layers[0].mask.picture_uri", URI)]
    project = Project(shots=(Shot("s", caption="", layers=(good, bad)),))
    faults = check_project(project, "project", lambda uri: "no" if uri.startswith("ftp") else None, for_render=False)
    fields = [fault.field for fault in faults]
    start = "project.storyboard.shots[0].layers[1].mask"
    assert sorted(fields) == [f"{start}.kind", f"{start}.picture_uri"]
