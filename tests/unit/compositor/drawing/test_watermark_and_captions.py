"""Captions and the watermark never touch, in any frame, corner, size or style."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from render_service.compositor.captions.drawing import CaptionFormat, draw_caption
from render_service.compositor.captions.layout import caption_area
from render_service.compositor.captions.safe_areas import Rect, safe_area
from render_service.compositor.drawing.segment import Painter
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.overlay import Overlay
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers import overlays
from render_service.compositor.layers.overlays import draw_mark
from render_service.compositor.media.assets import Asset, watermark_asset
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.marks import DrawnMark, drawn_mark
from render_service.compositor.segments.spec import DrawnCard, SegmentSpec, ShotStretch
from render_service.domain.projects.output import Quality, VideoCodec
from render_service.domain.projects.project import CaptionStyle, Corner, Motion, MotionKind, Watermark

_SIZES = [(480, 270), (270, 480), (320, 320), (320, 400), (640, 128), (128, 640)]
_TEXTS = [
    "Short",
    "50% OFF · FREE SHIPPING · 30-DAY RETURNS",
    "A caption that is as long as a caption can be before it is split, and that fills all of its lines to the end. "
    * 3,
    "一日目。朝いちばんの新幹線「のぞみ」で、雨上がりの京都へ。\nOn the first day, by the first train to Kyoto.",
    "\n".join(["Line"] * 9),
]


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asset]:
    """Watermarks that are wide, square and tall."""
    folder = tmp_path_factory.mktemp("marks")
    return {
        name: watermark_asset(_plain(folder / f"{name}.png", width, height))
        for name, width, height in (("wide", 60, 15), ("square", 30, 30), ("tall", 10, 80))
    }


def _plain(path: Path, width: int, height: int) -> Path:
    cv2.imwrite(str(path), np.full((height, width, 3), 200, np.uint8))
    return path


def _mark(
    marks: dict[str, Asset],
    shape: str,
    size: tuple[int, int],
    corner: Corner,
    scale: float = 0.12,
    *,
    opacity: float = 0.8,
) -> DrawnMark:
    return drawn_mark(Watermark("given", corner, opacity, scale), shape, marks[shape], size, 1)


def _touch(one: Overlay, other: Overlay) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from(_SIZES),
    corner=st.sampled_from(Corner),
    shape=st.sampled_from(["wide", "square", "tall"]),
    scale=st.sampled_from([0.05, 0.12, 0.2, 0.5]),
    style=st.sampled_from(CaptionStyle),
    text=st.sampled_from(_TEXTS),
    letters=st.sampled_from([0.5, 1.0, 1.35, 2.7]),
)
@example(
    size=(320, 320),
    corner=Corner.BOTTOM_RIGHT,
    shape="square",
    scale=0.2,
    style=CaptionStyle.OUTLINE,
    text=_TEXTS[1],
    letters=1.5,
)
def test_captions_and_watermark_never_touch(
    *,
    marks: dict[str, Asset],
    size: tuple[int, int],
    corner: Corner,
    shape: str,
    scale: float,
    style: CaptionStyle,
    text: str,
    letters: float,
) -> None:
    planned = _mark(marks, shape, size, corner, scale)
    mark = draw_mark(planned, marks, marks["square"].path.parent)
    assert Rect(mark.x, mark.y, mark.width, mark.height) == planned.area
    fmt = CaptionFormat(style, letters)
    area = caption_area(*size, fmt, planned.area)
    caption = draw_caption(text, *size, fmt, area=area)
    assert caption is not None
    assert not _touch(mark, caption)
    assert caption.y >= 0
    assert caption.y + caption.height <= size[1]


@pytest.mark.parametrize("corner", Corner)
def test_a_watermark_that_no_line_reaches_moves_nothing(corner: Corner, marks: dict[str, Asset]) -> None:
    mark = _mark(marks, "square", (1920, 1080), corner)
    found = caption_area(1920, 1080, CaptionFormat(), mark.area)
    assert found == safe_area(1920, 1080)


def test_all_captions_of_a_video_stand_on_the_same_line(marks: dict[str, Asset]) -> None:
    """Short ones, too, although they would not touch the watermark."""
    mark = _mark(marks, "square", (1080, 1080), Corner.BOTTOM_LEFT)
    area = caption_area(1080, 1080, CaptionFormat(), mark.area)
    drawn = [
        draw_caption(text, 1080, 1080, CaptionFormat(), area=area) for text in ("Go", "The whole line is filled up")
    ]
    assert len({one.y + one.height for one in drawn if one is not None}) == 1
    assert all(one is not None and one.y + one.height < mark.area.y for one in drawn)


def test_the_frames_of_a_segment_show_the_watermark_whole(tmp_path: Path, marks: dict[str, Asset]) -> None:
    picture = PictureFormat(320, 320, 30, Quality.STANDARD, VideoCodec.H264)
    layer = ShotStretch(DrawnCard("", "seed", "theme", ""), Motion(MotionKind.NONE), 1, 0)
    over = _mark(marks, "square", (320, 320), Corner.BOTTOM_RIGHT, 0.2, opacity=1.0)
    bare = SegmentSpec("", picture, 1, layer, layers=(over,))
    fmt = CaptionFormat(scale=1.5)
    caption = DrawnCaption(_TEXTS[1], 0, 1, 1, 1, fmt, caption_area(320, 320, fmt, over.area))
    captioned = replace(bare, layers=(caption, over))
    frames = []
    for spec in (bare, captioned):
        frame = Planes.empty(320, 320)
        with closing(Painter(spec, marks, tmp_path)) as painter:
            painter.draw(0, frame)
        frames.append(frame.y.astype(int))
    changed = np.argwhere(frames[0] != frames[1])
    mark = np.argwhere(frames[0] > 180)
    assert len(mark) == 64 * 64
    assert changed[:, 0].max() < mark[:, 0].min()


def test_a_watermark_is_decoded_once_for_all_segments_of_a_render(
    tmp_path: Path, marks: dict[str, Asset], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Asset] = []

    def counting(asset: Asset, **options: Any) -> NDArray[np.uint8]:
        decoded.append(asset)
        return load_image(asset, **options)

    monkeypatch.setattr(overlays, "load_image", counting)
    mark = _mark(marks, "wide", (320, 180), Corner.TOP_LEFT, 0.2)
    first, second = (draw_mark(mark, marks, tmp_path) for _ in range(2))
    assert len(decoded) == 1
    assert np.array_equal(first.luma, second.luma)
    assert np.array_equal(first.clear, second.clear)
    # Another size is another drawing.
    draw_mark(_mark(marks, "wide", (320, 180), Corner.TOP_LEFT, 0.3), marks, tmp_path)
    assert len(decoded) == 2
