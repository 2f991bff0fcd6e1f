"""Whatever a caller brings, decoding takes memory in proportion to what is drawn, or none at all."""

import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from render_service.compositor.media.assets import AssetFault, image_asset
from render_service.compositor.media.images import load_image
from render_service.domain.errors import RenderFailure

# Of the process's own; 300 with the libraries' pages at their least.
_MOST_MEBIBYTES = 262
_DRAW = """
import sys
from pathlib import Path
from render_service.compositor.drawing.canvas import prepare_canvas
from render_service.compositor.layers.overlays import draw_mark
from render_service.compositor.media.assets import image_asset, watermark_asset
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.marks import drawn_mark
from render_service.domain.projects.project import Fit, Motion, MotionKind, Watermark

path, use = Path(sys.argv[1]), sys.argv[2]
if use == "watermark":
    asset = watermark_asset(path)
    mark = drawn_mark(Watermark("given", scale=0.2), "x", asset, (1920, 1080), 1)
    draw_mark(mark, {"x": asset}, path.parent)
else:
    asset = image_asset("opening", path)
    motion = Motion(MotionKind.ZOOM_IN, 0.1)
    prepare_canvas(lambda size: load_image(asset, cover=size, exact=False), Fit(use), motion, 1920, 1080)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
# Without the pages of libraries: processes share them, and the page cache decides how many are mapped (38 to 54 MiB).
print((int(status["VmHWM"].split()[0]) - int(status["RssFile"].split()[0])) // 1024)
"""


def mebibytes_to_draw(path: Path, use: str) -> int:
    done = subprocess.run([sys.executable, "-c", _DRAW, path, use], capture_output=True, text=True, check=True)
    return int(done.stdout)


def flat(path: Path, size: tuple[int, int], mode: str = "RGB", **options: object) -> Path:
    Image.new(mode, size, (200, 90, 30, 128)[: len(mode)]).save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("name", "size", "mode", "options"),
    [
        ("large.png", (7_600, 6_000), "RGB", {"compress_level": 1}),
        ("large-clear.png", (7_600, 6_000), "RGBA", {"compress_level": 1}),
        ("large.jpg", (11_900, 10_000), "RGB", {}),
        ("progressive.jpg", (8_000, 7_500), "RGB", {"progressive": True}),
        ("large.webp", (4_000, 3_000), "RGB", {"method": 0}),
        ("large.avif", (4_000, 4_000), "RGB", {"speed": 10}),
        ("thin.png", (1, 30_000), "RGB", {}),
        ("flat.png", (30_000, 1), "RGB", {}),
    ],
)
def test_the_largest_pictures_take_bounded_memory(
    tmp_path: Path, name: str, size: tuple[int, int], mode: str, options: dict[str, object]
) -> None:
    path = flat(tmp_path / name, size, mode, **options)
    assert mebibytes_to_draw(path, "cover") < _MOST_MEBIBYTES


def test_a_very_long_picture_takes_little_memory_however_it_fills_the_frame(tmp_path: Path) -> None:
    for size in ((1, 30_000), (30_000, 1)):
        path = flat(tmp_path / "thin.png", size)
        assert mebibytes_to_draw(path, "blur") < _MOST_MEBIBYTES
        assert mebibytes_to_draw(path, "contain") < _MOST_MEBIBYTES


def test_a_watermark_is_loaded_at_the_size_it_is_drawn_in(tmp_path: Path) -> None:
    path = flat(tmp_path / "logo.png", (6_000, 6_000), "RGBA", compress_level=1)
    assert mebibytes_to_draw(path, "watermark") < _MOST_MEBIBYTES


def _png(size: tuple[int, int]) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    head = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big") + b"\x08\x06\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def _webp(chunk: bytes) -> bytes:
    content = b"WEBP" + chunk[:4] + len(chunk[4:]).to_bytes(4, "little") + chunk[4:]
    return b"RIFF" + len(content).to_bytes(4, "little") + content


_HUGE = (16_383).to_bytes(3, "little")
BOMBS = {
    "extended.webp": _webp(b"VP8X" + b"\x02\0\0\0" + _HUGE + _HUGE),
    "lossless.webp": _webp(b"VP8L" + b"\x2f" + (16_383 | 16_383 << 14).to_bytes(4, "little") + bytes(20)),
    "lossy.webp": _webp(b"VP8 " + b"\x10\0\0\x9d\x01\x2a" + (16_383).to_bytes(2, "little") * 2 + bytes(20)),
    "screen.gif": b"GIF89a" + (65_535).to_bytes(2, "little") * 2 + b"\xf0\0\0" + bytes(6)
    + b"," + bytes(4) + b"\1\0\1\0\0\2\2\x44\1\0;",
    "header.png": _png((60_000, 60_000)),
    "header.bmp": b"BM" + bytes(12) + (40).to_bytes(4, "little") + (60_000).to_bytes(4, "little") * 2
    + b"\x01\0\x18\0" + bytes(24),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_picture_that_declares_too_many_pixels_is_refused_by_its_header(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name])
    with pytest.raises(RenderFailure) as caught:
        load_image(image_asset("opening", path))
    assert caught.value.metadata["fault"] == AssetFault.TOO_MANY_PIXELS
    assert "scale it down" in caught.value.message


def test_an_avif_and_a_heic_are_held_to_their_declared_pixels(tmp_path: Path) -> None:
    path = flat(tmp_path / "bomb.avif", (10_000, 8_000), speed=10)
    assert path.stat().st_size < 30_000
    with pytest.raises(RenderFailure) as caught:
        load_image(image_asset("opening", path))
    assert caught.value.metadata["fault"] == AssetFault.TOO_MANY_PIXELS
