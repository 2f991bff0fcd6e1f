"""The pictures that are decoded for all slices of a clip grow with its length, whatever its container and keyframes."""

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from render_service.compositor.media import video_decoding
from render_service.compositor.media.assets import clip_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.probing import probe_clip
from render_service.compositor.segments.slices import cut_clip

FPS, SECONDS = 10, 64


def clip(path: Path, codec: str, keyframes: int) -> Path:
    """Write a clip of a dark picture that changes, with a keyframe every so many frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = keyframes
        stream.codec_context.time_base = Fraction(1, FPS)
        if codec == "libx264":
            stream.options = {"sc_threshold": "0", "keyint_min": str(keyframes)}
        for number in range(FPS * SECONDS):
            frame = VideoFrame.from_ndarray(np.full((48, 64, 3), number % 200, np.uint8), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "keyframes"),
    [
        ("one.mp4", "libx264", 100_000),
        ("one.mkv", "libx264", 100_000),
        ("rare.mp4", "libx264", 200),
        ("usual.mp4", "libx264", 20),
        # Their index is not used, or missing.
        ("one.avi", "libx264", 100_000),
        ("usual.avi", "libx264", 20),
        ("one.flv", "libx264", 100_000),
    ],
)
def test_all_slices_of_a_clip_decode_it_about_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, keyframes: int
) -> None:
    asset = clip_asset("one", clip(tmp_path / name, codec, keyframes))
    facts = probe_clip(asset)
    assert facts.frames == FPS * SECONDS
    decode, decoded = video_decoding.decoded_frames, 0

    def counting(*arguments: object) -> Generator[VideoFrame, None, None]:
        nonlocal decoded
        for frame in decode(*arguments):  # type: ignore[arg-type]
            decoded += 1
            yield frame

    monkeypatch.setattr(video_decoding, "decoded_frames", counting)
    slices = cut_clip(0, facts.frames, FPS, facts.gaps)
    form = FrameFormat(64, 48, FPS)
    for first, after in slices:
        with ClipReader(asset, form, first=first) as reader:
            for _ in range(after - first):
                reader.read()
    assert len(slices) > 3
    # The picture after a slice is decoded as well, to learn how long the slice's last one is shown.
    assert decoded <= 2.2 * facts.frames, (decoded / facts.frames, slices)
