"""Pictures of every kind come in upright, in sRGB and in bounds; what is not a picture is refused by name."""

import contextlib
import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from render_service.compositor.media.assets import Asset, AssetFault, MediaLimits, image_asset
from render_service.compositor.media.images import load_image
from render_service.domain.errors import ErrorReason, RenderFailure

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 160, 60), (30, 60, 200), (220, 200, 40)


def quarters(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A picture with another colour in every corner: red and green above, blue and yellow below."""
    picture = Image.new("RGB", (2, 2))
    for place, colour in zip(((0, 0), (1, 0), (0, 1), (1, 1)), (RED, GREEN, BLUE, YELLOW), strict=True):
        picture.putpixel(place, colour)
    return picture.resize(size, Image.Resampling.NEAREST)


def corners(pixels: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters: top left, top right, bottom left, bottom right."""
    height, width = pixels.shape[:2]
    places = [(height // 4, width // 4), (height // 4, width * 3 // 4)]
    places += [(height * 3 // 4, width // 4), (height * 3 // 4, width * 3 // 4)]
    return [tuple(int(value) for value in pixels[place]) for place in places]


def assert_close(found: list[tuple[int, ...]], wanted: list[tuple[int, ...]], tolerance: int) -> None:
    assert np.abs(np.array(found, int) - np.array(wanted, int)).max() <= tolerance, (found, wanted)


def saved(folder: Path, picture: Image.Image, kind: str, **options: object) -> Asset:
    path = folder / "asset"
    picture.save(path, kind, **options)
    return image_asset("opening", path)


def fault_of(asset: Asset, limits: MediaLimits | None = None) -> str:
    with pytest.raises(RenderFailure) as caught:
        load_image(asset, limits=limits or MediaLimits())
    failure = caught.value
    assert failure.reason is ErrorReason.ASSET_INVALID
    assert failure.metadata["shot_id"] == "opening"
    assert failure.metadata["field"] == "image_uri"
    assert str(asset.path) not in failure.message
    return failure.metadata["fault"]


def written(folder: Path, content: bytes) -> Asset:
    path = folder / "asset"
    path.write_bytes(content)
    return image_asset("opening", path)


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 6),
        ("JPEG", {"quality": 95, "progressive": True}, 6),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 8),
        ("AVIF", {"quality": 95}, 8),
        ("GIF", {}, 0),
    ],
)
def test_every_supported_kind_keeps_its_colours(
    tmp_path: Path, kind: str, options: dict[str, object], tolerance: int
) -> None:
    pixels = load_image(saved(tmp_path, quarters(), kind, **options))
    assert pixels.shape == (64, 96, 3)
    assert_close(corners(pixels), [RED, GREEN, BLUE, YELLOW], tolerance)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_every_exif_orientation_is_shown_upright(
    tmp_path: Path, kind: str, orientation: int, turn: Image.Transpose | None
) -> None:
    stored = quarters() if turn is None else quarters().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    asset = saved(tmp_path, stored, kind, exif=exif, quality=95)
    pixels = load_image(asset)
    assert pixels.shape[:2] == (64, 96)
    assert_close(corners(pixels), [RED, GREEN, BLUE, YELLOW], 10)
    assert load_image(asset, cover=(48, 32)).shape[:2] == (32, 48)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_senseless_orientations_are_ignored(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert load_image(saved(tmp_path, quarters(), "PNG", exif=exif)).shape[:2] == (64, 96)


def test_alpha_is_kept_straight_and_an_opaque_one_is_dropped(tmp_path: Path) -> None:
    picture = quarters().convert("RGBA")
    assert load_image(saved(tmp_path, picture, "PNG")).shape[2] == 3
    picture.paste((200, 30, 30, 128), (0, 0, 48, 32))
    pixels = load_image(saved(tmp_path, picture, "PNG"))
    assert corners(pixels)[:2] == [(200, 30, 30, 128), (*GREEN, 255)]


def test_colours_do_not_bleed_out_of_transparent_pixels_when_scaled(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (400, 400), (255, 0, 255, 0))
    picture.paste((10, 200, 30, 255), (0, 0, 200, 400))
    pixels = load_image(saved(tmp_path, picture, "PNG"), cover=(100, 100)).astype(int)
    seen = pixels[pixels[:, :, 3] > 16]
    assert np.abs(seen[:, :3] - (10, 200, 30)).max() <= 24


def test_palettes_keep_their_transparency(tmp_path: Path) -> None:
    picture = quarters().quantize(4)
    clear = picture.getpixel((0, 0))
    pixels = load_image(saved(tmp_path, picture, "PNG", transparency=clear))
    assert [corner[3] for corner in corners(pixels)] == [0, 255, 255, 255]
    assert_close([corner[:3] for corner in corners(pixels)[1:]], [GREEN, BLUE, YELLOW], 2)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_png_mode_becomes_colour(tmp_path: Path, mode: str) -> None:
    grey = Image.new("L", (96, 64), 255)
    grey.paste(0, (48, 0, 96, 64))
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    picture = deep if mode == "I;16" else grey.convert(mode)
    assert corners(load_image(saved(tmp_path, picture, "PNG")))[:2] == [(255, 255, 255), (0, 0, 0)]


def test_sixteen_bit_grey_keeps_its_middle(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (16, 1))
    pixels = load_image(saved(tmp_path, Image.fromarray(ramp), "PNG"))
    assert np.abs(pixels[8, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_sixteen_bit_colour_png_is_read(tmp_path: Path) -> None:
    row = b"\0" + struct.pack(">3H", 0xFFFF, 0x8080, 0x0000) * 8
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (
            (b"IHDR", struct.pack(">2I5B", 8, 4, 16, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(row * 4)),
            (b"IEND", b""),
        )
    )
    assert corners(load_image(written(tmp_path, content)))[0] == (255, 128, 0)


def test_cmyk_becomes_the_colours_it_stands_for(tmp_path: Path) -> None:
    pixels = load_image(saved(tmp_path, quarters().convert("CMYK"), "JPEG", quality=95))
    assert_close(corners(pixels), [RED, GREEN, BLUE, YELLOW], 8)


def test_an_embedded_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    # A profile of gamma 1.0 says that 128 is half the light, which sRGB codes as 188.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    linear = _linear_profile(profile.tobytes())
    pixels = load_image(saved(tmp_path, Image.new("RGB", (32, 32), (128, 128, 128)), "PNG", icc_profile=linear))
    assert abs(int(pixels[16, 16, 1]) - 188) <= 2


def _linear_profile(srgb: bytes) -> bytes:
    """The sRGB profile with its tone curves replaced by the identity (ICC.1, 10.5: a curve of no entries)."""
    changed = bytearray(srgb)
    count = struct.unpack_from(">I", srgb, 128)[0]
    for number in range(count):
        name, offset, _ = struct.unpack_from(">4s2I", srgb, 132 + 12 * number)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">4s2I", changed, offset, b"curv", 0, 0)
            struct.pack_into(">I", changed, 132 + 12 * number + 8, 12)
    return bytes(changed)


def test_a_broken_profile_is_ignored(tmp_path: Path) -> None:
    pixels = load_image(saved(tmp_path, quarters(), "PNG", icc_profile=b"no profile at all"))
    assert_close(corners(pixels), [RED, GREEN, BLUE, YELLOW], 0)


def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        asset = saved(tmp_path, frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert_close([corners(load_image(asset))[0]], [RED], 8)


def test_pictures_are_scaled_down_to_cover_and_never_up(tmp_path: Path) -> None:
    asset = saved(tmp_path, quarters((1200, 600)), "JPEG", quality=95)
    assert load_image(asset, cover=(320, 180)).shape == (180, 360, 3)
    assert load_image(asset, cover=(100, 300)).shape == (300, 600, 3)
    assert load_image(asset, cover=(4000, 4000)).shape == (600, 1200, 3)
    assert_close(corners(load_image(asset, cover=(320, 180))), [RED, GREEN, BLUE, YELLOW], 6)


def test_the_tiniest_picture_is_read(tmp_path: Path) -> None:
    assert load_image(saved(tmp_path, Image.new("RGB", (1, 1), RED), "PNG"), cover=(1920, 1080)).shape == (1, 1, 3)


def test_extreme_shapes_are_read(tmp_path: Path) -> None:
    asset = saved(tmp_path, Image.new("RGB", (20_000, 2), RED), "PNG")
    assert load_image(asset, cover=(320, 180)).shape == (2, 20_000, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path, kind: str) -> None:
    asset = saved(tmp_path, quarters((200, 100)), kind)
    assert fault_of(asset, MediaLimits(image_pixels=19_999)) == AssetFault.TOO_MANY_PIXELS
    assert load_image(asset, limits=MediaLimits(image_pixels=20_000)).shape[:2] == (100, 200)


def test_a_decompression_bomb_is_refused_at_once(tmp_path: Path) -> None:
    header = struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )
    assert fault_of(written(tmp_path, content)) == AssetFault.TOO_MANY_PIXELS


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_truncated_pictures_are_refused(tmp_path: Path, kind: str, part: float) -> None:
    noise = Image.frombytes("RGB", (160, 120), random.Random(1).randbytes(160 * 120 * 3))
    buffer = io.BytesIO()
    noise.save(buffer, kind)
    content = buffer.getvalue()
    assert fault_of(written(tmp_path, content[: int(len(content) * part)])) == AssetFault.TRUNCATED


@pytest.mark.parametrize("seed", range(40))
def test_damaged_pictures_are_read_or_refused_but_never_break_anything(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    buffer = io.BytesIO()
    quarters().save(buffer, ("JPEG", "PNG", "WEBP", "GIF", "AVIF")[seed % 5])
    content = bytearray(buffer.getvalue())
    for _ in range(8):
        content[random_.randrange(12, len(content))] = random_.randrange(256)
    asset = written(tmp_path, bytes(content))
    with contextlib.suppress(RenderFailure):
        load_image(asset, limits=MediaLimits(image_pixels=1_000_000))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", AssetFault.EMPTY),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", AssetFault.TRUNCATED),
        (b"<?xml version='1.0'?>\n<!-- x --><svg/>", AssetFault.TRUNCATED),
        (b"<html><svg width='1' height='1'/></html>", AssetFault.MARKUP),
        (b"\xef\xbb\xbf  <!DOCTYPE html><html></html>", AssetFault.MARKUP),
        ("<html>404</html>".encode("utf-16"), AssetFault.MARKUP),
        (b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n", AssetFault.PLAYLIST),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", AssetFault.PLAYLIST),
        (b"[playlist]\nFile1=http://127.0.0.1/\n", AssetFault.PLAYLIST),
        (b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'/>", AssetFault.PLAYLIST),
        (b'{"error": "not found"}', AssetFault.NOT_AN_IMAGE),
        (b"%PDF-1.7\n", AssetFault.NOT_AN_IMAGE),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", AssetFault.NOT_AN_IMAGE),
        (bytes(range(256)), AssetFault.NOT_AN_IMAGE),
        (b"\0\0\0\x20ftypisom\0\0\0\0isomiso2avc1mp41" + bytes(64), AssetFault.WRONG_TYPE),
        (b"ID3\x04" + bytes(64), AssetFault.WRONG_TYPE),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(64), AssetFault.WRONG_TYPE),
        (b"II*\0" + bytes(64), AssetFault.TRUNCATED),
        (b"BM" + bytes(64), AssetFault.TRUNCATED),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), AssetFault.TRUNCATED),
        (b"8BPS" + bytes(64), AssetFault.UNSUPPORTED_CODEC),
        (b"\0\0\0\x0cJXL " + bytes(64), AssetFault.UNSUPPORTED_CODEC),
    ],
)
def test_what_is_no_picture_is_refused_with_its_fault(tmp_path: Path, content: bytes, fault: AssetFault) -> None:
    assert fault_of(written(tmp_path, content)) == fault


def test_the_name_of_a_file_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    quarters().save(path, "PNG")
    assert load_image(image_asset("opening", path)).shape == (64, 96, 3)
