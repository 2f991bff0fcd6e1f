"""The gradients of cards reach the viewer without bands: their dither survives encoding."""

from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.drawing.segment import Painter, render_segment
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.planes import Planes
from render_service.compositor.segments.spec import DrawnCard, SegmentSpec, ShotStretch
from render_service.domain.projects.output import Quality, VideoCodec
from render_service.domain.projects.project import Easing, Motion, MotionKind

_WIDTH, _HEIGHT, _FRAMES = 1280, 720, 24


def _spec(kind: MotionKind) -> SegmentSpec:
    picture = PictureFormat(_WIDTH, _HEIGHT, 30, Quality.STANDARD, VideoCodec.H264)
    card = DrawnCard("The Ice Is Going Faster", "@title", "theme", "", "")
    return SegmentSpec("", picture, _FRAMES, ShotStretch(card, Motion(kind, easing=Easing.LINEAR, amount=0.1), 90, 0))


def _flat_blocks(luma: NDArray[np.uint8]) -> float:
    """Return the share of blocks of 8 × 8 pixels that have one value."""
    blocks = luma.reshape(_HEIGHT // 8, 8, _WIDTH // 8, 8).swapaxes(1, 2).reshape(-1, 64)
    return float((blocks.max(axis=1) == blocks.min(axis=1)).mean())


@pytest.mark.parametrize("kind", [MotionKind.ZOOM_IN, MotionKind.NONE])
def test_few_blocks_of_a_card_are_flat_after_encoding(tmp_path: Path, kind: MotionKind) -> None:
    path = tmp_path / "segment.mkv"
    render_segment(_spec(kind).to_bytes(), {}, tmp_path, path, lambda _: None)
    with av.open(str(path)) as container:
        shares = [
            _flat_blocks(np.asarray(frame.to_ndarray()[:_HEIGHT], np.uint8)) for frame in container.decode(video=0)
        ]
    assert len(shares) == _FRAMES
    assert max(shares) < 0.2
    # A frame of 1280 × 720 without any dither takes some 30 kB.
    assert path.stat().st_size < 250_000


def test_the_dither_stands_still_while_the_picture_moves(tmp_path: Path) -> None:
    frames = [Planes.empty(_WIDTH, _HEIGHT) for _ in range(2)]
    with closing(Painter(_spec(MotionKind.ZOOM_IN), {}, tmp_path)) as painter:
        for number, frame in enumerate(frames):
            painter.draw(number, frame)
    changed = np.abs(frames[1].y.astype(int) - frames[0].y)[: _HEIGHT // 4, : _WIDTH // 2]
    assert (changed == 0).mean() > 0.95
