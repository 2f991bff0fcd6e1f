"""Decodes still pictures: any supported format in, upright sRGB arrays out."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from render_service.compositor.media.assets import DEFAULT_LIMITS, Asset, AssetFault, MediaLimits
from render_service.compositor.media.sniffing import sniff_asset
from render_service.domain.projects.file_signatures import FileClass

_ORIENTATION = 0x0112  # EXIF tag: how the camera was held, 1–8; from 5 on the sides are swapped
# What Pillow's readers raise on damaged files.
_DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error),
    *(IndexError, KeyError, OverflowError, MemoryError, UnidentifiedImageError),
)
# The limit given to each call is checked before anything is decoded; Pillow's own, which only warns, is not needed.
Image.MAX_IMAGE_PIXELS = None
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@contextmanager
def _open_image(asset: Asset, limits: MediaLimits) -> Iterator[Image.Image]:
    """Open a picture with the one reader that its first bytes identify; read only its header."""
    kind = sniff_asset(asset, FileClass.IMAGE)
    assert kind.reader is not None
    with asset.path.open("rb") as file:
        try:
            picture = Image.open(file, formats=(kind.reader,))
        except _DAMAGED as error:
            raise asset.invalid(
                AssetFault.TRUNCATED, f"the {kind.name} file is damaged or truncated; export or upload it again"
            ) from error
        if picture.width * picture.height > limits.image_pixels:
            raise asset.invalid(
                AssetFault.TOO_MANY_PIXELS, f"the picture has more than {limits.image_pixels} pixels; scale it down"
            )
        try:
            yield picture
        except _DAMAGED as error:
            raise asset.invalid(
                AssetFault.TRUNCATED, f"the {kind.name} file is damaged or truncated; export or upload it again"
            ) from error


def load_image(
    asset: Asset, *, cover: tuple[int, int] | None = None, exact: bool = True, limits: MediaLimits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """Decode a still picture, the first frame where it has several.

    Args:
        asset: JPEG, PNG, WebP, AVIF or GIF, identified by content.
        cover: Width and height in pixels that the result must cover: a larger picture is scaled down, keeping its
            aspect ratio, to the smallest size that covers them. None keeps the size. Pictures are never scaled up.
        exact: False scales only by cheap integer factors: the result is at most twice as large as it must be, which
            saves a resampling if the caller scales it anyway.
        limits: The largest number of pixels.

    Returns:
        (height, width, 3) sRGB, or (height, width, 4) with straight alpha where any pixel is not opaque; turned upright
        by EXIF orientation, converted to sRGB where an ICC profile is embedded.

    Raises:
        RenderFailure: ASSET_INVALID, naming the fault.
    """
    # Damaged side information, such as EXIF, is no reason to refuse a picture.
    with warnings.catch_warnings(action="ignore"), _open_image(asset, limits) as picture:
        orientation = _orientation(picture)
        size = _covering_size(picture.size, cover, swapped=orientation >= 5)
        if picture.format == "JPEG" and size != picture.size:
            picture.draft(None, size)
        profile = picture.info.get("icc_profile")
        upright = _eight_bits(picture)
        reduction = min(upright.width // size[0], upright.height // size[1])
        if not exact:
            upright = upright.reduce(reduction) if reduction > 1 else upright
        elif size != upright.size:
            upright = upright.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        upright = _turned(_to_srgb(upright, profile), orientation)
        pixels = np.asarray(upright)
    if pixels.shape[2] == 4 and bool((pixels[:, :, 3] == 255).all()):
        pixels = np.ascontiguousarray(pixels[:, :, :3])
    return pixels


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation 1–8; 1 where there is none or it cannot be read."""
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except _DAMAGED:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _covering_size(size: tuple[int, int], cover: tuple[int, int] | None, *, swapped: bool) -> tuple[int, int]:
    if cover is None:
        return size
    width, height = size
    cover_width, cover_height = cover[::-1] if swapped else cover
    scale = min(1.0, max(cover_width / width, cover_height / height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Decode the whole picture into a mode of eight bits a channel that can be scaled: L, CMYK, RGB or RGBA."""
    picture.load()
    if picture.mode.startswith("I") or picture.mode == "F":
        deep = np.asarray(picture).astype(np.float32)
        return Image.fromarray(np.clip(np.rint(deep / 257.0), 0, 255).astype(np.uint8))
    if picture.mode in ("L", "CMYK", "RGB", "RGBA") and "transparency" not in picture.info:
        return picture
    if picture.mode in ("YCbCr", "LAB", "HSV", "1"):
        return picture.convert("RGB")
    return picture.convert("RGBA")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB; a profile that is broken or of another kind than the picture is ignored, as browsers do."""
    wanted = "RGBA" if picture.mode == "RGBA" else "RGB"
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, _SRGB, outputMode=wanted)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            converted = None
        if converted is not None:
            return converted
    return picture if picture.mode == wanted else picture.convert(wanted)


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    method = _TURNS.get(orientation)
    return picture if method is None else picture.transpose(method)
