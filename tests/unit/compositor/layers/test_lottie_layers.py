"""Lottie animations as layers."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.frames.planes import BLACK, Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.lotties.playing import probe_lottie
from render_service.compositor.media.assets import Asset, Media, ShotMedia
from render_service.compositor.segments.layers import DrawnLayer, drawn_layers, seen_layers
from render_service.config.lottie import undrawn_lotties
from render_service.domain.errors import RenderFailure
from render_service.domain.layers.model import Blend, Box, Keyframe, Layer, LottiePlayback, PictureLayer
from render_service.domain.projects.project import Project, Shot
from tests.integration.compositor.inspecting import inspected
from tests.unit.compositor.layers.scenes import to_rgb
from tests.unit.compositor.lotties.lotties import animation, moving, written

SIZE, FPS, FIELD = (100, 50), 4, "layers[0].picture.uri"


def lottie(playback: LottiePlayback | None = None, **own: Any) -> Layer:
    return Layer("a", picture=PictureLayer("a.json", playback or LottiePlayback()), **own)


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    """A red square that jumps from the left half to the right one after a second, and back after two."""
    path = tmp_path / "a.json"
    path.write_bytes(written(moving()))
    return Asset(path, FIELD, "one")


def seen(layers: tuple[DrawnLayer, ...], asset: Asset, frames: range) -> list[NDArray[np.uint8]]:
    painter = LayersPainter(layers, SIZE, FPS, {"hash": asset})
    pictures = []
    with closing(painter):
        for number in frames:
            frame = Planes.empty(*SIZE)
            frame.fill(BLACK)
            painter.draw(number, frame)
            pictures.append(to_rgb(frame))
    return pictures


def sides(pictures: list[NDArray[np.uint8]]) -> str:
    """Tell on which side each picture is red: l, r, or – for neither."""
    reds = [(picture[25, 20, 0] > 200, picture[25, 80, 0] > 200) for picture in pictures]
    return "".join("l" if left else "r" if right else "–" for left, right in reds)


@pytest.mark.parametrize(
    ("playback", "expected"),
    [
        (LottiePlayback(), "llllrrrrllllrrrr"),
        (LottiePlayback(speed=2), "llrrllrrllrrllrr"),
        (LottiePlayback(once=True), "llllrrrrrrrrrrrr"),
        (LottiePlayback(speed=0.5, once=True), "llllllllrrrrrrrr"),
    ],
)
def test_an_animation_is_played_from_the_start_of_its_layer(
    playback: LottiePlayback, expected: str, asset: Asset
) -> None:
    layers = drawn_layers((lottie(playback),), 16, FPS, {FIELD: "hash"}, "")
    assert layers[0].files == ("hash",)
    assert sides(seen(layers, asset, range(16))) == expected


@pytest.mark.parametrize("own", [{}, {"keyframes": (Keyframe(x=0.5, rotation=0.0),)}, {"blend": Blend.SCREEN}])
def test_it_looks_the_same_wherever_a_video_is_cut(own: dict[str, Any], asset: Asset) -> None:
    whole = drawn_layers((lottie(**own),), 16, FPS, {FIELD: "hash"}, "")
    expected = seen(whole, asset, range(16))
    for first in (3, 5, 11):
        part = seen_layers(whole, first, 16 - first, FPS)
        for picture, other in zip(seen(part, asset, range(16 - first)), expected[first:], strict=True):
            assert np.array_equal(picture, other)


def test_a_box_takes_the_shape_of_the_animation(asset: Asset) -> None:
    layer = lottie(box=Box(x=0.5, y=0.5, height=0.5))
    picture = seen(drawn_layers((layer,), 1, FPS, {FIELD: "hash"}, ""), asset, range(1))[0]
    rows, columns = np.nonzero(picture[..., 0] > 200)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((12, 36, 25, 49), abs=2)


def test_a_file_is_checked_before_anything_is_drawn(asset: Asset) -> None:
    assert probe_lottie(asset) == (100, 50)
    media = Media({"one": ShotMedia(layers={FIELD: asset.path})})
    project = Project(shots=(Shot("one", layers=(lottie(),)),))
    assert asset.path in inspected(media, project).hashes
    with pytest.raises(RenderFailure, match=r"^one\.layers\[0\]\.picture\.uri: the file is not a picture"):
        inspected(media, Project(shots=(Shot("one", layers=(replace(lottie(), picture=PictureLayer("a.json")),)),)))
    asset.path.write_bytes(written(animation({"ty": 5})))
    with pytest.raises(RenderFailure, match=r"layers\[0\]\.picture\.uri: layers\[0\]: is a text") as refused:
        inspected(media, project)
    assert refused.value.metadata["fault"] == "not_a_lottie"


def test_without_the_extra_it_is_refused_with_the_remedy(asset: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(shots=(Shot("one"), Shot("two", layers=(lottie(),))), layers=(Layer("b"), lottie()))
    assert list(undrawn_lotties(project)) == []
    for module in ("config.lottie", "compositor.lotties.drawing"):
        monkeypatch.setattr(f"render_service.{module}.find_spec", lambda name: None)
    faults = list(undrawn_lotties(project))
    assert [fault.field for fault in faults] == [
        "project.layers[1].picture.lottie",
        "project.storyboard.shots[1].layers[0].picture.lottie",
    ]
    assert "render-service[lottie]" in faults[0].description
    with pytest.raises(RenderFailure, match=r"install render-service\[lottie\]"):
        probe_lottie(asset)
