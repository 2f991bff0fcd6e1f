"""Decodes still pictures: any supported format in, upright sRGB arrays out."""

import hashlib
import io
import struct
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from render_service.compositor.media.assets import DEFAULT_LIMITS, Asset, AssetFault, MediaLimits
from render_service.compositor.media.declared_size import webp_size
from render_service.compositor.media.decode_errors import is_of_machine
from render_service.compositor.media.sniffing import ANIMATED_WEBP, sniff_asset
from render_service.compositor.vectors.document import MAX_BYTES, SvgDocument, SvgError, SvgFaultKind, read_svg
from render_service.compositor.vectors.drawing import draw_svg, drawn_size
from render_service.domain.projects.file_signatures import SVG, FileClass, FileKind

_ORIENTATION = 0x0112  # EXIF tag: how the camera was held, 1–8; from 5 on the sides are swapped
# What Pillow's readers raise on damaged files; an OSError may be of the machine as well.
_DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error),
    *(IndexError, KeyError, OverflowError, UnidentifiedImageError),
)
# Memory that decoding takes at its peak, in bytes a pixel, as measured. JPEG is decoded at a fraction of its size.
_BYTES_PER_PIXEL = {"PNG": 4.3, "BMP": 4.3, "TIFF": 5.0, "GIF": 4.3, "HEIF": 8.0, "AVIF": 12.0, "WEBP": 16.3}
_SVG_FAULTS = {
    SvgFaultKind.DAMAGED: AssetFault.TRUNCATED,
    SvgFaultKind.REFERS: AssetFault.MARKUP,
    SvgFaultKind.TOO_EXPENSIVE: AssetFault.TOO_EXPENSIVE,
}
_BAND_PIXELS = 4_000_000
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


# Drawings of SVG for the next segments of a process, the latest last: drawing one may take seconds.
_MOST_DRAWN_BYTES = 32_000_000
_drawn_svgs: "OrderedDict[tuple[object, ...], NDArray[np.uint8]]" = OrderedDict()


@contextmanager
def _open_image(asset: Asset, kind: FileKind, limits: MediaLimits) -> Iterator[Image.Image]:
    """Open a picture with the one reader that its first bytes identify; read only its header."""
    assert kind.reader is not None
    damaged = f"the {kind.name} file is damaged or truncated; export or upload it again"
    with asset.path.open("rb") as file:
        if kind.reader == "WEBP":
            # Its reader takes memory for the whole picture as it opens the file.
            size = webp_size(file.read(30))
            if 0 in size:
                raise asset.invalid(AssetFault.TRUNCATED, damaged)
            _check_pixels(asset, size, _BYTES_PER_PIXEL["WEBP"], limits)
            file.seek(0)
        if kind.reader == "HEIF":
            _register_heif_reader()
        try:
            picture = Image.open(file, formats=(kind.reader,))
        except _DAMAGED as error:
            if is_of_machine(error):
                raise
            raise asset.invalid(AssetFault.TRUNCATED, damaged) from error
        _check_pixels(asset, picture.size, _bytes_per_pixel(picture), limits)
        try:
            yield picture
        except _DAMAGED as error:
            if is_of_machine(error):
                raise
            raise asset.invalid(AssetFault.TRUNCATED, damaged) from error


@cache
def _register_heif_reader() -> None:
    # Loaded only where it is needed: libheif and its decoder are large.
    import pi_heif  # noqa: PLC0415

    pi_heif.register_heif_opener(thumbnails=False)


def _bytes_per_pixel(picture: Image.Image) -> float:
    if picture.format != "JPEG":
        return _BYTES_PER_PIXEL[picture.format or "WEBP"]
    if not picture.info.get("progressive"):
        return 0.0
    # All coefficients of a progressive JPEG are held, two bytes each, whatever its decoded size (ITU-T T.81, A.1.1).
    samples: list[tuple[int, int]] = [(across, down) for _, across, down, _ in getattr(picture, "layer", ())] or [
        (1, 1)
    ]
    whole = max(across for across, _ in samples) * max(down for _, down in samples)
    return 0.2 + 2 * sum(across * down for across, down in samples) / whole


def _check_pixels(asset: Asset, size: tuple[int, int], bytes_per_pixel: float, limits: MediaLimits) -> None:
    most = limits.image_pixels
    if bytes_per_pixel:
        most = min(most, int(limits.image_bytes / bytes_per_pixel))
    if size[0] * size[1] > most:
        raise asset.invalid(
            AssetFault.TOO_MANY_PIXELS,
            f"the picture has {size[0]} × {size[1]} pixels, more than the {most} that are decoded in its format; "
            "scale it down",
        )


def load_image(
    asset: Asset,
    *,
    cover: tuple[int, int] | None = None,
    contain: tuple[int, int] | None = None,
    exact: bool = True,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> NDArray[np.uint8]:
    """Decode a still picture, the first frame where it has several.

    Args:
        asset: JPEG, PNG, WebP, AVIF, HEIC, TIFF, BMP, GIF or SVG, identified by content.
        cover: Width and height in pixels that the result must cover: a larger picture is scaled down, keeping its
            aspect ratio, to the smallest size that covers them. None keeps the size. Pictures are never scaled up, but
            an SVG is drawn at the size that is asked for.
        contain: Width and height in pixels that the result must fit into: a larger picture is scaled down. At most one
            of `cover` and `contain` is given.
        exact: False scales only by cheap integer factors: the result is at most twice as large as it must be, which
            saves a resampling if the caller scales it anyway.
        limits: The largest number of pixels.

    Returns:
        (height, width, 3) sRGB, or (height, width, 4) with straight alpha where any pixel is not opaque; turned upright
        by EXIF orientation, converted to sRGB where an ICC profile is embedded.

    Raises:
        RenderFailure: ASSET_INVALID, naming the fault.
    """
    kind = sniff_asset(asset, FileClass.IMAGE)
    if kind == SVG:
        return _load_svg(asset, cover, contain)
    # Damaged side information, such as EXIF, is no reason to refuse a picture.
    with warnings.catch_warnings(action="ignore"), _open_image(asset, kind, limits) as picture:
        orientation = _orientation(picture)
        size = _wanted_size(picture.size, cover, contain, swapped=orientation >= 5)
        if picture.format == "JPEG" and size != picture.size:
            picture.draft(None, size)
        profile = picture.info.get("icc_profile")
        picture.load()
        reduction = max(1, min(picture.width // size[0], picture.height // size[1]))
        # Lanczos needs three pixels for each that it makes; finer ones are averaged first.
        upright = _eight_bits(picture, max(1, reduction // 3) if exact else reduction)
        if exact and size != upright.size:
            upright = upright.resize(size, Image.Resampling.LANCZOS)
        upright = _turned(_to_srgb(upright, profile), orientation)
        pixels = np.asarray(upright)
    if pixels.shape[2] == 4 and bool((pixels[:, :, 3] == 255).all()):
        pixels = np.ascontiguousarray(pixels[:, :, :3])
    return pixels


def image_size(
    asset: Asset, limits: MediaLimits = DEFAULT_LIMITS, *, contain: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return width and height in pixels of a picture as it is seen: turned upright by EXIF orientation.

    Args:
        asset: The picture.
        limits: The largest number of pixels.
        contain: What `load_image` is to fit it into; None is its own size.

    Raises:
        RenderFailure: ASSET_INVALID, naming the fault.
    """
    kind = sniff_asset(asset, FileClass.IMAGE)
    if kind == SVG:
        with _open_svg(asset) as document:
            if contain is not None:
                return drawn_size(document, contain=contain)
            return max(1, round(document.width)), max(1, round(document.height))
    with warnings.catch_warnings(action="ignore"), _open_image(asset, kind, limits) as picture:
        swapped = _orientation(picture) >= 5
        width, height = _wanted_size(picture.size, None, contain, swapped=swapped)
        return (height, width) if swapped else (width, height)


@contextmanager
def _open_svg(asset: Asset) -> Iterator[SvgDocument]:
    with asset.path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    try:
        yield read_svg(content)
    except SvgError as error:
        raise asset.invalid(_SVG_FAULTS[error.kind], str(error)) from error


def _load_svg(asset: Asset, cover: tuple[int, int] | None, contain: tuple[int, int] | None) -> NDArray[np.uint8]:
    with asset.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
    key = (sha256, cover, contain)
    pixels = _drawn_svgs.pop(key, None)
    if pixels is None:
        with _open_svg(asset) as document:
            pixels = draw_svg(document, drawn_size(document, cover, contain))
        if bool((pixels[..., 3] == 255).all()):
            pixels = np.ascontiguousarray(pixels[..., :3])
        pixels.setflags(write=False)
    _drawn_svgs[key] = pixels
    while sum(one.nbytes for one in _drawn_svgs.values()) > _MOST_DRAWN_BYTES:
        _drawn_svgs.popitem(last=False)
    return pixels


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation 1–8; 1 where there is none or it cannot be read."""
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except _DAMAGED as error:
        if is_of_machine(error):
            raise
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _wanted_size(
    size: tuple[int, int], cover: tuple[int, int] | None, contain: tuple[int, int] | None, *, swapped: bool
) -> tuple[int, int]:
    target = cover or contain
    if target is None:
        return size
    width, height = size
    target_width, target_height = target[::-1] if swapped else target
    scales = target_width / width, target_height / height
    scale = min(1.0, max(scales) if cover else min(scales))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _eight_bits(picture: Image.Image, reduction: int) -> Image.Image:
    """Convert a picture to eight bits a channel (L, CMYK, RGB or RGBA), and average squares of `reduction` pixels.

    Large pictures are converted in bands, so that no second copy of the whole picture is made.
    """
    if reduction == 1 or picture.width * picture.height <= _BAND_PIXELS:
        converted = _converted(picture)
        return converted.reduce(reduction) if reduction > 1 else converted
    rows = max(1, _BAND_PIXELS // picture.width // reduction) * reduction
    reduced: Image.Image | None = None
    for top in range(0, picture.height, rows):
        band = _converted(picture.crop((0, top, picture.width, min(picture.height, top + rows)))).reduce(reduction)
        if reduced is None:
            reduced = Image.new(band.mode, (band.width, -(-picture.height // reduction)))
        reduced.paste(band, (0, top // reduction))
    assert reduced is not None
    return reduced


def _converted(picture: Image.Image) -> Image.Image:
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


@contextmanager
def open_animation(asset: Asset, limits: MediaLimits) -> Iterator[Iterator[tuple[Image.Image, int]]]:
    """Open an animated WebP as its pictures.

    Args:
        asset: The file.
        limits: The largest number of pixels.

    Yields:
        Its pictures as RGBA, each whole, with the milliseconds from the first at which it is shown.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    with _open_image(asset, ANIMATED_WEBP, limits) as picture:
        yield _pictures(picture)


def _pictures(animation: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    milliseconds = 0
    for number in range(getattr(animation, "n_frames", 1)):
        animation.seek(number)
        animation.load()
        yield animation.convert("RGBA"), milliseconds
        milliseconds += max(1, int(animation.info.get("duration", 0)))
