"""Clips that are not tidy are shown as a player shows them: clocks, orientation, opacity, unused sound, bombs."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.frames.ground import DARK_GROUND
from render_service.compositor.media.assets import AssetFault, Media, ShotMedia, clip_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.probing import probe_clip
from render_service.compositor.media.sounds import decode_sound
from render_service.domain.errors import RenderFailure
from render_service.domain.projects.project import Project, Shot
from tests.integration.compositor.inspecting import inspected
from tests.integration.compositor.oracle import ffmpeg
from tests.integration.compositor.test_clips import in_bt709
from tests.integration.compositor.test_media_table import (
    CASES,
    FRAMES,
    SECONDS,
    Case,
    make,
    onsets,
    seen,
)

__all__ = ["make"]

TRANSPORT = next(case for case in CASES if case.container == "MPEG transport stream")
MP4 = CASES[0]
MOST_WRAPPED = 2**33 / 90_000


def remuxed(source: Path, path: Path, *options: str) -> Path:
    ffmpeg("-v", "error", "-copyts", "-i", source, "-c", "copy", *options, path)
    return path


def assert_plays(path: Path) -> None:
    assert seen(path, 0, FRAMES) == [*range(FRAMES)]
    assert seen(path, 40, 5) == [*range(40, 45)]
    sound = np.concatenate([*decode_sound(clip_asset("opening", path))], axis=1)
    assert np.allclose(onsets(sound), range(SECONDS), atol=0.04)
    assert abs(probe_clip(clip_asset("opening", path)).duration.total_seconds() - SECONDS) < 0.06


@pytest.mark.parametrize("begins", [-1.0, 100.0, MOST_WRAPPED - 2.5])
def test_the_clock_may_begin_anywhere_and_wrap(tmp_path: Path, make: Callable[[Case], Path], begins: float) -> None:
    path = remuxed(make(TRANSPORT), tmp_path / "clip.ts", "-output_ts_offset", str(begins), "-muxdelay", "0")
    assert_plays(path)


def test_an_mp4_may_begin_below_zero(tmp_path: Path, make: Callable[[Case], Path]) -> None:
    path = remuxed(make(MP4), tmp_path / "clip.mp4", "-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled")
    # An edit list shows players only what lies behind zero.
    assert seen(path, 0, 3) in ([0, 1, 2], [12, 13, 14], [13, 14, 15])


def test_pictures_and_sound_stay_together_where_the_clock_is_set_back(
    tmp_path: Path, make: Callable[[Case], Path]
) -> None:
    part = make(TRANSPORT).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part * 3)
    assert abs(probe_clip(clip_asset("opening", path)).duration.total_seconds() - 3 * SECONDS) < 0.2
    numbers = seen(path, 0, 3 * FRAMES - 6)
    # Every part is shown whole, but for the pictures that the decoder needs to begin.
    flashes = [
        at / 25 for at in range(1, len(numbers)) if numbers[at] in (0, 25, 50) and numbers[at - 1] != numbers[at]
    ]
    assert len(flashes) == 8
    heard = onsets(np.concatenate([*decode_sound(clip_asset("opening", path))], axis=1))
    assert np.allclose(heard[1:], flashes, atol=0.04)


MATRICES = {
    "identity": (1, 0, 0, 1),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "half a turn": (-1, 0, 0, -1),
    "clockwise": (0, 1, -1, 0),
    "counter-clockwise": (0, -1, 1, 0),
    "transposed": (0, 1, 1, 0),
    "transversed": (0, -1, -1, 0),
}


@pytest.mark.parametrize("name", MATRICES)
def test_every_display_matrix_is_followed_as_ffmpeg_follows_it(tmp_path: Path, name: str) -> None:
    a, b, c, d = MATRICES[name]
    path = tmp_path / "clip.mp4"
    source = (
        "gradients=s=128x64:x0=0:y0=0:x1=128:y1=64:c0=black:c1=white:nb_colors=2:d=0.2:speed=0.00001,format=yuv420p"
    )
    ffmpeg("-f", "lavfi", "-i", source, "-vf", "drawbox=8:8:24:12:white:fill", "-c:v", "libx264", "-qp", "4", path)
    content = bytearray(path.read_bytes())
    # The matrix of the track header, version 0 (ISO/IEC 14496-12, 8.3.2).
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + 36] = struct.pack(">9i", *(v << 16 for v in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)
    path.write_bytes(content)
    width, height = (128, 64) if a else (64, 128)
    raw = ffmpeg("-v", "fatal", "-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    wanted = np.frombuffer(raw, np.uint8)[: width * height].reshape(height, width).astype(int)
    with ClipReader(clip_asset("opening", path), FrameFormat(width, height, 25)) as reader:
        found = reader.read().y.astype(int)
    assert np.abs(found - wanted).mean() < 2


OPACITY = {
    "vp8.webm": "-c:v libvpx -pix_fmt yuva420p -auto-alt-ref 0 -crf 10 -b:v 1M",
    "vp9.webm": "-c:v libvpx-vp9 -pix_fmt yuva420p -crf 10 -b:v 0 -deadline realtime -cpu-used 8",
    "prores.mov": "-c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le",
    "png.mov": "-c:v png -pix_fmt rgba",
    "animation.mov": "-c:v qtrle -pix_fmt argb",
    "ffv1.mkv": "-c:v ffv1 -pix_fmt yuva420p",
    "ffv1-rgb.mkv": "-c:v ffv1 -pix_fmt bgra",
    "picture.gif": "-vf split[a][b];[a]palettegen=reserve_transparent=1[p];[b][p]paletteuse=alpha_threshold=128",
    "picture.webp": "-c:v libwebp_anim -lossless 1",
    "picture.apng": "-c:v apng -pix_fmt rgba -f apng",
}


@pytest.mark.parametrize("name", OPACITY)
def test_transparency_lies_over_the_ground_of_a_still(tmp_path: Path, name: str) -> None:
    pixels = np.zeros((64, 96, 4), np.uint8)
    pixels[:, :48] = (200, 60, 30, 255)
    pixels[:, 48:] = (0, 255, 0, 0)
    raw = ("-f", "rawvideo", "-pix_fmt", "rgba", "-s", "96x64", "-r", "10", "-i", "-")
    path = tmp_path / name
    pictures = [pixels.copy() for _ in range(5)]
    for number, picture in enumerate(pictures):
        picture[:4, :4] = (number, number, 40 * number, 255)
    content = b"".join(picture.tobytes() for picture in pictures)
    ffmpeg("-v", "error", *raw, *OPACITY[name].split(), path, content=content)
    with ClipReader(clip_asset("opening", path), FrameFormat(96, 64, 10)) as reader:
        frames = [reader.read() for _ in range(5)]
    for frame in (frames[0], frames[-1]):
        for column, colour in ((12, (200, 60, 30)), (36, DARK_GROUND)):
            found = frame.y[32, 2 * column], frame.u[16, column], frame.v[16, column]
            assert np.abs(np.array(found, int) - in_bt709(colour)).max() <= 8, (name, found)


def test_an_animated_webp_runs_at_its_own_speed(tmp_path: Path) -> None:
    path = tmp_path / "clip.webp"
    grey = [Image.new("RGB", (64, 64), (level, level, level)) for level in (0, 100, 200)]
    grey[0].save(path, save_all=True, append_images=grey[1:], duration=[100, 500, 200], lossless=True)
    facts = probe_clip(clip_asset("opening", path))
    assert (facts.frames, facts.has_sound) == (3, False)
    with ClipReader(clip_asset("opening", path), FrameFormat(64, 64, 10), first=0) as reader:
        levels = [int(reader.read().y[32, 32]) for _ in range(8)]
    assert np.abs(np.array(levels) - [16, *[102] * 5, *[188] * 2]).max() <= 1


def test_a_still_picture_is_no_clip(tmp_path: Path) -> None:
    for name in ("still.webp", "still.png"):
        Image.new("RGB", (64, 64)).save(tmp_path / name)
        with pytest.raises(RenderFailure) as caught:
            probe_clip(clip_asset("opening", tmp_path / name))
        assert caught.value.metadata["fault"] == AssetFault.WRONG_TYPE


def test_sound_that_is_not_used_fails_nothing(tmp_path: Path, make: Callable[[Case], Path]) -> None:
    path = tmp_path / "clip.mkv"
    ffmpeg("-v", "error", "-i", make(MP4), "-c:v", "copy", "-c:a", "wavpack", path)
    media = Media({"opening": ShotMedia(clip=path)})
    with pytest.raises(RenderFailure, match=r"opening\.clip_uri: the sound codec wavpack is not supported"):
        inspected(media)
    assert inspected(media, Project(shots=(Shot("opening", clip_sound=False),))).facts["opening"].clip is not None


def test_frames_that_grow_beyond_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64:r=5:d=1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", path)
    # The height and width of the last picture (ITU-T T.81, B.2.2), 60,000 each.
    content = bytearray(path.read_bytes())
    at = content.rindex(b"\xff\xc0\x00\x11\x08")
    content[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    path.write_bytes(content)
    with ClipReader(clip_asset("opening", path), FrameFormat(64, 64, 5)) as reader:
        for _ in range(3):
            reader.read()
        with pytest.raises(RenderFailure):
            [reader.read() for _ in range(3)]


def test_a_gif_that_declares_a_huge_screen_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    Image.new("P", (8, 8)).save(path, save_all=True, append_images=[Image.new("P", (8, 8), 1)])
    content = bytearray(path.read_bytes())
    content[6:10] = struct.pack("<HH", 60_000, 60_000)
    path.write_bytes(content)
    with pytest.raises(RenderFailure, match="GIF"):
        probe_clip(clip_asset("opening", path))
