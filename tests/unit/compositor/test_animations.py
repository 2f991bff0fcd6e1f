"""An animation has the colors of its video, in few bytes where nothing moves."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from render_service.compositor.encoding.encoder import SegmentEncoder
from render_service.compositor.encoding.gif import write_gif
from render_service.compositor.encoding.webp import write_webp
from render_service.compositor.frames.format import PictureFormat
from render_service.domain.projects.output import Quality, VideoCodec

WIDTH, HEIGHT, FPS = 192, 108, 15


def segment(path: Path, frames: int, hue: int) -> Path:
    """A segment with a bright sweep of luma over a plain hue; nothing moves."""
    with SegmentEncoder(path, PictureFormat(WIDTH, HEIGHT, FPS, Quality.HIGH, VideoCodec.H264)) as encoder:
        for _ in range(frames):
            encoder.planes.y[:] = np.linspace(30, 220, WIDTH).astype(np.uint8)
            encoder.planes.u[:], encoder.planes.v[:] = hue, 255 - hue
            encoder.encode()
    return path


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.reformat(format="rgb24").to_ndarray().astype(np.float32) for frame in container.decode(video=0)]


def test_every_picture_is_near_its_original(tmp_path: Path) -> None:
    segments = [segment(tmp_path / "a.mkv", 8, 100), segment(tmp_path / "b.mkv", 8, 160)]
    write_gif(segments, FPS, 16, tmp_path / "a.gif")
    drawn = pictures(tmp_path / "a.gif")
    original = [picture for path in segments for picture in pictures(path)]
    assert len(drawn) == len(original) == 16
    for made, wanted in zip(drawn, original, strict=True):
        # Seen from some distance, as a dither is meant to be: within 3 of 255 levels, and without a cast.
        difference = cv2.GaussianBlur(made, (0, 0), 2) - cv2.GaussianBlur(wanted, (0, 0), 2)
        assert np.abs(difference).mean() < 3
        assert np.abs(difference.mean(axis=(0, 1))).max() < 2


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 160, 0), (20, 40, 230), (255, 212, 59), (120, 120, 120)])
@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_saturated_colors_are_kept(tmp_path: Path, color: tuple[int, int, int], kind: str) -> None:
    plain = VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), color, np.uint8), format="rgb24")
    coded = plain.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    with SegmentEncoder(
        tmp_path / "a.mkv", PictureFormat(WIDTH, HEIGHT, FPS, Quality.HIGH, VideoCodec.H264)
    ) as encoder:
        for target, source in zip((encoder.planes.y, encoder.planes.u, encoder.planes.v), coded.planes, strict=True):
            rows = np.frombuffer(memoryview(source), np.uint8).reshape(source.height, source.line_size)
            target[:] = rows[:, : source.width]
        encoder.encode()
    path = tmp_path / f"a.{kind}"
    if kind == "gif":
        write_gif([tmp_path / "a.mkv"], FPS, 1, path)
    else:
        write_webp([tmp_path / "a.mkv"], FPS, Quality.HIGH, path)
    with Image.open(path) as animation:
        shown = np.asarray(animation.convert("RGB"), np.float32).mean(axis=(0, 1))
    assert np.abs(shown - color).max() < 8


def test_a_picture_that_stands_still_costs_next_to_nothing(tmp_path: Path) -> None:
    sizes = {}
    for frames in (1, 30):
        path = tmp_path / f"{frames}.gif"
        write_gif([segment(tmp_path / f"{frames}.mkv", frames, 120)], FPS, frames, path)
        sizes[frames] = path.stat().st_size
    assert sizes[30] < 1.5 * sizes[1]
