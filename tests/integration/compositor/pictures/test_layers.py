"""Layers in finished videos: they pass the checks, and a damaged picture of theirs is named."""

from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.errors import RenderFailure
from render_service.domain.layers.model import Box, Layer, PictureLayer, ShapeLayer, TextLayer
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import BadAssetPolicy, Shot
from tests.integration.compositor.storyboards import composed, photo, plain, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
TINY = OutputSpec(160, 128, 24, Quality.STANDARD)


async def test_a_shot_under_a_black_layer_passes_the_check_and_shows_it(compositor: Compositor, tmp_path: Path) -> None:
    logo = Layer("logo", picture=PictureLayer("given"), box=Box(0.5, 0.5, width=0.25))
    shot = Shot(
        "one",
        caption="",
        image_uri="given",
        duration=timedelta(seconds=1.5),
        layers=(Layer("black", shape=ShapeLayer(color="#000000")), Layer("text", text=TextLayer("Hello")), logo),
    )
    files = ShotMedia(
        image=photo(tmp_path / "photo.png"),
        layers={"layers[2].picture.uri": plain(tmp_path / "red.png", (255, 0, 0), 64, 64)},
    )
    bar = Layer("bar", shape=ShapeLayer(color="#00FF00"), box=Box(0.5, 0.95, width=1, height=0.1))
    spec = spec_of((shot,), TINY, layers=(bar,))
    video = await composed(compositor, spec, Media({"one": files}), tmp_path / "work")
    with av.open(video.path) as file:
        frame = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(frame[64, 80].astype(int) - (255, 0, 0)).max() < 40
    assert np.abs(frame[122, 80].astype(int) - (0, 255, 0)).max() < 40
    assert frame[10, 10].max() < 20


async def test_a_damaged_picture_of_a_layer_fails_the_job_by_its_field(compositor: Compositor, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    layer = Layer("logo", picture=PictureLayer("given"))
    shot = Shot("one", image_uri="given", layers=(layer,))
    # The same file as the shot's picture, which a card would replace.
    media = Media({"one": ShotMedia(image=damaged, layers={"layers[0].picture.uri": damaged})})
    spec = spec_of((shot,), TINY, bad_asset_policy=BadAssetPolicy.CARD)
    with pytest.raises(RenderFailure) as failed:
        await composed(compositor, spec, media, tmp_path / "work")
    assert failed.value.message.startswith("one.layers[0].picture.uri: ")
