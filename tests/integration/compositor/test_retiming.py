"""A clip that is slowed down shows the same pictures, in the same order, evenly further apart."""

import hashlib
from pathlib import Path

import av
import pytest

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.probing import probe_clip
from render_service.compositor.media.retiming import slow_down
from render_service.domain.errors import ErrorReason, RenderFailure
from tests.integration.compositor.oracle import ffmpeg, warnings_of_decoding

CODECS = {
    "x264.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p"),
    "x265.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1"),
    "vp8.webm": ("-c:v", "libvpx", "-deadline", "realtime"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime"),
    "av1.mp4": ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"),
    "prores.mov": ("-c:v", "prores_ks"),
    "mpeg4.mkv": ("-c:v", "mpeg4"),
}
FRAMES, RATE = 24, 24


def clip(folder: Path, name: str, *more: str) -> Path:
    path = folder / name
    source = f"testsrc2=size=160x96:rate={RATE}:duration={FRAMES / RATE}"
    ffmpeg("-f", "lavfi", "-i", source, *more, *CODECS[name], path)
    return path


def pictures(path: Path) -> list[tuple[float, str]]:
    """When each picture is shown, in seconds, and the hash of what it shows."""
    with av.open(str(path)) as container:
        return [
            (float(frame.time or 0), hashlib.sha256(frame.to_ndarray(format="yuv420p").tobytes()).hexdigest())
            for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("factor", [1.0, 1.37, 2.0])
@pytest.mark.parametrize("name", CODECS)
def test_the_same_pictures_come_evenly_further_apart(tmp_path: Path, name: str, factor: float) -> None:
    source = clip(tmp_path, name)
    slowed = tmp_path / "slowed.mov"
    slow_down(Asset(source, "clip"), slowed, factor)
    before, after = pictures(source), pictures(slowed)
    assert [shown for _, shown in after] == [shown for _, shown in before]
    first = after[0][0]
    for number, (at, _) in enumerate(after):
        # Matroska rounds to the millisecond.
        assert at - first == pytest.approx(number / RATE * factor, abs=0.0021)
    facts = probe_clip(Asset(slowed, "clip"))
    assert facts.duration.total_seconds() == pytest.approx(FRAMES / RATE * factor, abs=0.004)
    assert facts.frames == FRAMES
    assert warnings_of_decoding(slowed) == ""


def test_sound_is_left_out(tmp_path: Path) -> None:
    source = clip(tmp_path, "x264.mp4", "-f", "lavfi", "-i", "sine=440:duration=1", "-c:a", "aac")
    assert probe_clip(Asset(source, "clip")).has_sound
    slow_down(Asset(source, "clip"), tmp_path / "slowed.mov", 1.5)
    assert not probe_clip(Asset(tmp_path / "slowed.mov", "clip")).has_sound


def test_a_clip_that_lies_on_its_side_stays_so(tmp_path: Path) -> None:
    upright = clip(tmp_path, "x264.mp4")
    source = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", upright, "-c", "copy", source)
    facts = probe_clip(Asset(source, "clip"))
    assert (facts.width, facts.height) == (96, 160)
    slow_down(Asset(source, "clip"), tmp_path / "slowed.mov", 1.5)
    slowed = probe_clip(Asset(tmp_path / "slowed.mov", "clip"))
    assert (slowed.width, slowed.height) == (96, 160)


def test_what_is_no_clip_is_reported_as_such(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    for content in (b"", b"<!doctype html>", clip(tmp_path, "x264.mp4").read_bytes()[:200]):
        bad.write_bytes(content)
        with pytest.raises(RenderFailure) as failure:
            slow_down(Asset(bad, "clip"), tmp_path / "slowed.mov", 1.5)
        assert failure.value.reason is ErrorReason.ASSET_INVALID
