"""Captions keep clear of lower thirds, and stay where they are without one."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.layout import CaptionFormat, caption_area, caption_format
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.drawing.free_rows import blocked_rows, clear_of
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.content_hashes import MediaHashes
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.segments.plan import PlannedSegment
from render_service.compositor.segments.spec import SegmentSpec
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import (
    Anchor,
    Box,
    ClipLayer,
    Keyframe,
    Layer,
    PictureLayer,
    ShapeLayer,
    TextLayer,
)
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, CaptionStyle, Project, Shot
from render_service.domain.projects.timeline import plan_timeline

TEXT = "The harbour wakes before the sun does, and the boats slip out one by one."
SIZES = [(640, 360), (360, 640), (360, 360)]
STRIP = Layer(
    "strip", shape=ShapeLayer(color="#102030"), box=Box(x=0.0, y=0.7, anchor=Anchor.TOP_LEFT, width=1.0, height=0.18)
)
NAME = Layer("name", text=TextLayer("Ada Lovelace\nHarbour master"), box=Box(anchor=Anchor.BOTTOM_LEFT))
GROUND = Layer("ground", shape=ShapeLayer(color="#102030"))


def rows_of(layer: Layer, fmt: CaptionFormat, size: tuple[int, int]) -> Rect:
    return clear_of(caption_area(*size, fmt, None), blocked_rows([layer], fmt, size), fmt, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("style", CaptionStyle)
def test_captions_stand_off_a_lower_third(style: CaptionStyle, size: tuple[int, int]) -> None:
    fmt = CaptionFormat(style)
    caption = draw_caption(TEXT, *size, fmt, area=rows_of(STRIP, fmt, size))
    assert caption is not None
    assert caption.y + caption.height <= 0.7 * size[1] or caption.y >= 0.88 * size[1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("preset", CaptionPreset)
def test_presets_stand_off_a_lower_third(preset: CaptionPreset, size: tuple[int, int]) -> None:
    fmt = CaptionFormat(look=chosen_look(CaptionOptions(preset=preset)))
    painter = LookPainter(TEXT, (), fmt, size=size, fps=30, area=rows_of(STRIP, fmt, size))
    under = Planes.empty(*size)
    under.fill((90, 128, 128))
    caption = painter.overlay(0, under)
    assert caption is not None
    opaque = np.flatnonzero((caption.clear < 100).any(axis=1)) + caption.y
    assert opaque.max() < 0.7 * size[1] or opaque.min() >= 0.88 * size[1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "moved",
    [
        {"box": replace(STRIP.box, y=0.1), "keyframes": (Keyframe(timedelta(seconds=1), y=0.7),)},
        {"box": replace(STRIP.box, height=0.09), "keyframes": (Keyframe(timedelta(seconds=1), scale=2.0, y=0.745),)},
        {"box": Box(0.5, 0.79, width=0.18, height=0.5, rotation=90)},
    ],
    ids=["moved", "scaled", "turned"],
)
def test_captions_stand_off_where_a_layer_comes_to_rest(moved: dict[str, Any], size: tuple[int, int]) -> None:
    layer, fmt = replace(STRIP, **moved), CaptionFormat()
    with closing(LayersPainter(drawn_layers((layer,), 90, 30, {}, ""), size, 30, {})) as painter:
        frame = Planes.empty(*size)
        frame.fill((200, 128, 128))
        painter.draw(60, frame)
    strip = np.flatnonzero((frame.y != 200).any(axis=1))
    caption = draw_caption(TEXT, *size, fmt, area=rows_of(layer, fmt, size))
    assert caption is not None
    assert caption.y + caption.height <= strip.min() or caption.y > strip.max()


def captions_of(segment: PlannedSegment) -> list[DrawnCaption]:
    return [one for one in SegmentSpec.from_bytes(segment.job.spec).layers if isinstance(one, DrawnCaption)]


def test_a_name_in_the_corner_moves_captions_up_and_a_ground_moves_nothing() -> None:
    fmt, size = CaptionFormat(), (640, 360)
    whole = caption_area(*size, fmt, None)
    assert rows_of(NAME, fmt, size).y + rows_of(NAME, fmt, size).height < whole.y + whole.height
    assert rows_of(GROUND, fmt, size) == whole


def test_captions_of_a_shot_know_its_layers_and_the_videos_and_no_others() -> None:
    shots = (Shot("a", caption=TEXT, layers=(NAME,)), Shot("b", caption=TEXT))
    spec = RenderSpec(Project(shots=shots, layers=(STRIP,)), OutputSpec(320, 180, 30, Quality.STANDARD))
    _, segments = plan_pictures(spec, plan_timeline(spec.project, 30, {}), MediaHashes())
    areas = {caption.area for segment in segments for caption in captions_of(segment)}
    fmt, size = caption_format(spec), (320, 180)
    free = caption_area(*size, fmt, None)
    assert areas == {clear_of(free, blocked_rows(layers, fmt, size), fmt, size) for layers in ((NAME, STRIP), (STRIP,))}


@pytest.mark.parametrize("content", [{"picture": PictureLayer("given")}, {"clip": ClipLayer("given")}], ids=list)
@pytest.mark.parametrize("box", [Box(0.5, 0.9, width=0.96), Box(0.5, 0.9, height=0.12)], ids=["width", "height"])
def test_captions_stand_off_a_logo_that_is_far_wider_than_high(
    content: dict[str, Any], box: Box, tmp_path: Path
) -> None:
    size, path = (640, 360), tmp_path / "logo.webp"
    first, *more = (Image.new("RGB", (400, 30), (level, 0, 0)) for level in (90, 160))
    first.save(path, save_all="clip" in content, append_images=more, duration=500)
    (field,) = (f"layers[0].{kind}.uri" for kind in content)
    project = Project(shots=(Shot("a", caption=TEXT),), layers=(Layer("logo", **content, box=box),))
    hashes = MediaHashes(layers={field: "logo"}, assets={"logo": Asset(path, field)})
    spec = RenderSpec(project, OutputSpec(*size, 30, Quality.STANDARD))
    _, segments = plan_pictures(spec, plan_timeline(project, 30, {}), hashes)
    rows = captions_of(segments[0])[0].area
    height = 0.12 * 360 if box.width is None else 0.96 * 640 * 30 / 400
    assert rows.y + rows.height == pytest.approx(0.9 * 360 - height / 2 - 6, abs=2)
