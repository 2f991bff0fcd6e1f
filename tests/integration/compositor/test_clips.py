"""Clips of every kind are shown upright, in their colours and at their own speed, whatever they were made with."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.frames.planes import Planes
from render_service.compositor.media.assets import clip_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.probing import probe_clip
from render_service.domain.projects.project import Fit
from tests.integration.compositor.oracle import ffmpeg

RGB = ((200, 30, 30), (30, 160, 60), (30, 60, 200), (220, 200, 40))


def in_bt709(rgb: tuple[int, int, int]) -> tuple[int, int, int]:
    """Limited-range Y, Cb, Cr of a colour (ITU-R BT.709-6, 3.2–3.4)."""
    red, green, blue = (value / 255 for value in rgb)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return round(16 + 219 * luma), round(128 + 224 * (blue - luma) / 1.8556), round(128 + 224 * (red - luma) / 1.5748)


RED, GREEN, BLUE, YELLOW = (in_bt709(rgb) for rgb in RGB)


def quarters(
    path: Path,
    *options: str | Path,
    filters: str = "scale=out_color_matrix=bt709:out_range=tv",
    size: tuple[int, int] = (160, 90),
) -> Path:
    """Make a clip of ten pictures: red and green above, blue and yellow below; filtered and encoded as given."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = RGB[:2]
    picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = RGB[2:]
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25", "-i", "-")
    ffmpeg(*raw, "-vf", filters, *options, path, content=picture.tobytes() * 10)
    return path


def counting(path: Path, fps: str, seconds: float, *options: str) -> Path:
    """Make a clip whose grey level counts its time: 0 at its beginning, 200 after two seconds."""
    source = f"color=black:s=64x36:r={fps}:d={seconds},geq=lum='16+T*100':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *options, path)
    return path


def frames(path: Path, form: FrameFormat, count: int, first: int = 0) -> list[Planes]:
    with ClipReader(clip_asset("opening", path), form, first=first) as reader:
        return [reader.read() for _ in range(count)]


def corner(frame: Planes, right: int, low: int) -> tuple[int, int, int]:
    found = []
    for plane in frame.all():
        height, width = plane.shape
        found.append(int(plane[height * (1 + 2 * low) // 4, width * (1 + 2 * right) // 4]))
    return found[0], found[1], found[2]


def assert_quarters(frame: Planes, tolerance: int = 6) -> None:
    found = [corner(frame, right, low) for low in (0, 1) for right in (0, 1)]
    wanted = [RED, GREEN, BLUE, YELLOW]
    assert np.abs(np.array(found) - np.array(wanted)).max() <= tolerance, found


FORM = FrameFormat(160, 90, 25)
X264 = ("-c:v", "libx264", "-crf", "12")
HD = "scale=out_color_matrix=bt709:out_range=tv,setparams=colorspace=bt709:range=tv"
SD = "scale=out_color_matrix=smpte170m:out_range=tv,setparams=colorspace=smpte170m:range=tv"
UNTAGGED = "scale=out_color_matrix=smpte170m:out_range=tv,setparams=colorspace=unknown:range=unknown"
FULL = "scale=out_color_matrix=bt709:out_range=pc,setparams=colorspace=bt709:range=pc"
JPEG = "scale=out_color_matrix=smpte170m:out_range=pc,format=yuvj420p,setparams=range=pc"


@pytest.mark.parametrize(
    ("name", "filters", "options"),
    [
        ("plain.mp4", f"{HD},format=yuv420p", X264),
        ("full_chroma.mp4", f"{HD},format=yuv444p", X264),
        ("deep.mp4", f"{HD},format=yuv420p10le", ("-c:v", "libx265", "-x265-params", "log-level=error")),
        ("old.mov", f"{HD},format=yuv422p10le", ("-c:v", "prores_ks")),
        ("web.webm", f"{HD},format=yuv420p", ("-c:v", "libvpx-vp9", "-b:v", "0", "-crf", "20", "-cpu-used", "8")),
        ("web8.webm", f"{UNTAGGED},format=yuv420p", ("-c:v", "libvpx", "-b:v", "2M")),
        ("modern.mp4", f"{HD},format=yuv420p", ("-c:v", "libsvtav1", "-crf", "15")),
        ("broadcast.ts", f"{HD},format=yuv420p", ("-c:v", "mpeg2video", "-q:v", "2")),
        ("stream.ts", f"{HD},format=yuv420p", X264),
        ("old.avi", f"{UNTAGGED},format=yuv420p", ("-c:v", "mpeg4", "-q:v", "2")),
        ("motion.mkv", JPEG, ("-c:v", "mjpeg", "-q:v", "2")),
        ("full_range.mp4", f"{FULL},format=yuv420p", X264),
        ("sd.mp4", f"{SD},format=yuv420p", X264),
        ("untagged_sd.mp4", f"{UNTAGGED},format=yuv420p", X264),
        ("rgb.mkv", "format=gbrp", ("-c:v", "ffv1")),
        ("animation.gif", "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none", ()),
    ],
)
def test_every_codec_container_and_matrix_keeps_its_colours(
    tmp_path: Path, name: str, filters: str, options: tuple[str, ...]
) -> None:
    path = quarters(tmp_path / name, *options, filters=filters)
    assert_quarters(frames(path, FORM, 4)[3], tolerance=8)


@pytest.mark.parametrize(("degrees", "size"), [(90, (90, 160)), (180, (160, 90)), (270, (90, 160))])
def test_the_rotation_flag_is_followed(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    # Stored turned the other way, so that the flag brings it upright.
    turn = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}[degrees]
    stored = quarters(tmp_path / "stored.mp4", *X264, filters=f"{turn},{HD},format=yuv420p")
    path = tmp_path / "flagged.mp4"
    ffmpeg("-display_rotation", str(degrees), "-i", stored, "-c", "copy", path)
    facts = probe_clip(clip_asset("opening", path))
    assert (facts.width, facts.height) == (160, 90)
    assert_quarters(frames(path, FORM, 1)[0])


@pytest.mark.parametrize("size", [(162, 90), (160, 94), (402, 226), (64, 256), (1280, 720)])
@pytest.mark.parametrize("fit", list(Fit))
def test_any_size_fits_into_the_frame_in_its_middle(tmp_path: Path, size: tuple[int, int], fit: Fit) -> None:
    path = quarters(tmp_path / "clip.mkv", "-c:v", "ffv1", filters=f"{HD},format=yuv444p", size=size)
    frame = frames(path, FrameFormat(160, 90, 25, fit), 1)[0]
    assert (frame.width, frame.height) == (160, 90)
    middle = frame.y[30:60, 70:90]
    if size[0] / size[1] > 1:
        assert_quarters(frame)
    assert abs(int(middle[2, 2]) - RED[0]) <= 6
    assert abs(int(middle[-3, -3]) - YELLOW[0]) <= 6
    if fit is Fit.CONTAIN and size == (64, 256):
        assert (frame.y[:, :60] == 16).all()
    if fit is Fit.BLUR and size == (64, 256):
        assert 16 < frame.y[:, :60].mean() < RED[0] + YELLOW[0]


def test_odd_sizes_are_shown_whole(tmp_path: Path) -> None:
    path = quarters(tmp_path / "odd.mkv", "-c:v", "ffv1", filters=f"{HD},format=yuv444p", size=(321, 181))
    assert probe_clip(clip_asset("opening", path)).width == 321
    assert_quarters(frames(path, FORM, 1)[0])


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    path = quarters(tmp_path / "wide.mkv", "-c:v", "ffv1", filters=f"{HD},format=yuv444p,setsar=2/1", size=(80, 90))
    assert probe_clip(clip_asset("opening", path)).width == 160
    frame = frames(path, FrameFormat(160, 90, 25, Fit.CONTAIN), 1)[0]
    assert frame.y[45, 2] > 40
    assert_quarters(frame)


def test_interlaced_clips_are_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "fields.mkv"
    moving = "color=black:s=160x96:r=50:d=1,geq=lum='if(lt(mod(X-T*200,160),40),235,16)':cb=128:cr=128,interlace"
    ffmpeg("-f", "lavfi", "-i", moving, "-c:v", "ffv1", "-flags", "+ildct", path)
    raw = ffmpeg("-i", path, "-frames:v", "10", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    woven = np.frombuffer(raw, np.uint8).reshape(-1, 96, 160)[5].astype(int)
    shown = frames(path, FrameFormat(160, 96, 25), 10)[5].y.astype(int)
    combing = np.abs(2 * woven[1:-1] - woven[:-2] - woven[2:]).mean()
    left = np.abs(2 * shown[1:-1] - shown[:-2] - shown[2:]).mean()
    assert combing > 20
    assert left < combing / 5


@pytest.mark.parametrize(
    ("source", "fps"),
    [(24, 30), (25, 30), (Fraction(30000, 1001), 30), (50, 30), (60, 30), (120, 30), (12, 24), (30, 24), (25, 60)],
)
def test_clips_of_any_rate_run_at_their_own_speed(tmp_path: Path, source: Fraction | int, fps: int) -> None:
    path = counting(tmp_path / "clip.mkv", str(source), 1.5, "-c:v", "ffv1")
    rate = float(source)
    shown = frames(path, FrameFormat(64, 36, fps), int(1.4 * fps))
    levels = np.array([float(frame.y.mean()) - 16 for frame in shown])
    late = levels / 100 - np.arange(len(levels)) / fps
    # A frame shows what the clip shows then: at most one picture of the clip old, or a third of a frame early.
    assert late.max() <= 0.34 / fps + 0.011
    assert late.min() >= -1 / rate - 0.011
    assert (np.diff(levels) >= 0).all()


@pytest.mark.parametrize("container", ["clip.mkv", "clip.mp4", "clip.ts"])
def test_a_clip_of_the_videos_own_rate_is_shown_picture_by_picture(tmp_path: Path, container: str) -> None:
    # Matroska rounds time stamps to milliseconds; no picture may be shown twice for that.
    path = counting(tmp_path / container, "30", 1.5, "-c:v", "libx264", "-qp", "0")
    levels = [float(frame.y.mean()) for frame in frames(path, FrameFormat(64, 36, 30), 45)]
    assert np.diff(levels).min() > 2


def test_variable_rates_keep_their_time(tmp_path: Path) -> None:
    path = tmp_path / "variable.mkv"
    some = "select='not(mod(n,2))*lt(t,1)+not(mod(n,7))*gte(t,1)'"
    source = f"color=black:s=64x36:r=60:d=2,geq=lum='16+T*100':cb=128:cr=128,{some}"
    ffmpeg("-f", "lavfi", "-i", source, "-fps_mode", "vfr", "-c:v", "ffv1", path)
    levels = np.array([float(frame.y.mean()) - 16 for frame in frames(path, FrameFormat(64, 36, 30), 57)])
    late = levels / 100 - np.arange(57) / 30
    assert late.max() <= 0.34 / 30 + 0.011
    assert late.min() >= -7 / 60 - 0.011


@pytest.mark.parametrize("container", ["clip.mp4", "clip.mkv", "clip.ts", "clip.webm"])
@pytest.mark.parametrize("first", [17, 58])
def test_reading_from_the_middle_shows_the_same_frames(tmp_path: Path, container: str, first: int) -> None:
    codec = (
        ("-c:v", "libvpx", "-b:v", "1M") if container.endswith("webm") else ("-c:v", "libx264", "-g", "12", "-bf", "2")
    )
    path = counting(tmp_path / container, "30", 2, *codec)
    form = FrameFormat(64, 36, 30)
    whole, part = frames(path, form, 60), frames(path, form, 60 - first, first)
    assert all(np.array_equal(one.y, other.y) for one, other in zip(whole[first:], part, strict=True))


def test_beyond_its_end_a_clip_shows_its_last_picture(tmp_path: Path) -> None:
    path = counting(tmp_path / "clip.mp4", "30", 1, "-c:v", "libx264")
    form = FrameFormat(64, 36, 30)
    whole = frames(path, form, 40)
    assert all(np.array_equal(frame.y, whole[29].y) for frame in whole[30:])
    assert np.array_equal(frames(path, form, 2, first=200)[1].y, whole[29].y)


@pytest.mark.parametrize(("transfer", "grey"), [("smpte2084", 520), ("arib-std-b67", 721)])
def test_hdr_is_tone_mapped_so_that_its_white_is_bright_and_its_colours_stay(
    tmp_path: Path, transfer: str, grey: int
) -> None:
    # 10-bit codes: black, the code of some 100 nits (PQ) or reference white (HLG), the brightest code.
    columns = np.repeat(np.array([64, grey, 940], "<u2"), 32)
    luma = np.tile(columns, (54, 1))
    chroma = np.full((27, 48), 512, "<u2")
    raw = (luma.tobytes() + chroma.tobytes() * 2) * 3
    tags = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
    path = tmp_path / "hdr.mkv"
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "96x54", "-r", "25", "-i", "-"),
        *("-vf", tags, "-c:v", "ffv1", path),
        content=raw,
    )
    frame = frames(path, FrameFormat(96, 54, 25), 1)[0]
    black, middle, white = (int(frame.y[27, column]) for column in (16, 48, 80))
    assert black <= 18
    assert 140 <= middle <= 215
    assert white >= 228
    assert np.abs(frame.u.astype(int) - 128).max() <= 2
    assert np.abs(frame.v.astype(int) - 128).max() <= 2
