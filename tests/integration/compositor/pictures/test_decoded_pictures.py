"""Decoded pictures are freed as soon as they are drawn: a reference cycle would hold hundreds of them in memory."""

import gc
from collections.abc import Generator
from pathlib import Path

import pytest
from av.codec import CodecContext
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame

from render_service.compositor.media.assets import clip_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.probing import probe_clip
from tests.integration.compositor.oracle import ffmpeg

FORM, FRAMES = FrameFormat(64, 42, 25), 25
_LIBAV = (VideoFrame, CodecContext, InputContainer, Graph)


def libav_objects() -> int:
    """Return how many objects live that hold memory of libav."""
    return sum(isinstance(one, _LIBAV) for one in gc.get_objects())


@pytest.fixture
def no_collector() -> Generator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def clip(path: Path, *options: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1.2,format=yuva420p", *options, path)
    return path


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain.mp4", ("-pix_fmt", "yuv420p")),
        ("interlaced.mp4", ("-pix_fmt", "yuv420p", "-flags", "+ildct+ilme", "-vf", "setfield=tff")),
        ("clear.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
        ("clear.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p")),
        ("animated.webp", ()),
    ],
)
def test_pictures_are_freed_without_the_garbage_collector(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    path = clip(tmp_path / name, *options)
    turned = tmp_path / f"turned-{name}"
    if path.suffix == ".mp4":
        ffmpeg("-display_rotation", "90", "-i", path, "-c", "copy", turned)
    for one in (path, turned) if turned.exists() else (path,):
        before, most = libav_objects(), 0
        asset = clip_asset("opening", one)
        with ClipReader(asset, FORM) as reader:
            for _ in range(FRAMES):
                reader.read()
                most = max(most, libav_objects() - before)
        # The container, its codec, the filters, and the pictures that are decoded, waited for and shown.
        assert most <= 12
        probe_clip(asset)
        assert libav_objects() - before == 0
