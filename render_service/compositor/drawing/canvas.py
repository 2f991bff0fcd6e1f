"""A still picture made ready for a camera movement: the part that is seen, a little finer than the frame, in YUV."""

import math
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.motion import CameraPath, View
from render_service.compositor.drawing.sampling import margin
from render_service.compositor.frames.fitting import decided_fit
from render_service.compositor.frames.ground import DARK_GROUND, ground_under
from render_service.compositor.frames.planes import Planes
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import Fit, Motion, MotionKind

Pixels = NDArray[np.uint8]

# Limited-range BT.709 (ITU-R BT.709-6, 3.2 and 3.3; quantisation 3.4) for full-range R, G, B of 0–255, with offsets.
_TO_YUV = np.array(
    (
        (0.2126 * 219 / 255, 0.7152 * 219 / 255, 0.0722 * 219 / 255, 16),
        (-0.2126 / 1.8556 * 224 / 255, -0.7152 / 1.8556 * 224 / 255, 0.5 * 224 / 255, 128),
        (0.5 * 224 / 255, -0.7152 / 1.5748 * 224 / 255, -0.0722 / 1.5748 * 224 / 255, 128),
    ),
    dtype=np.float32,
)

# Canvas pixels per frame pixel at the closest point of the movement. A little more than one keeps the picture equally
# sharp at every sub-pixel position; bilinear sampling of a canvas of exactly one would breathe. Steps of 1.06 also come
# within 1/50 pixel of every place (see `sampling`).
_DENSITY = 1.06
# A canvas is at most so many times finer than its widest view needs: beyond, scaling down would shimmer.
_MOST_ZOOM = 1.75
# Pixels that sampling may touch behind the far edge of a view; also for chroma, where they are half as many.
_AFTER = 8
# A picture longer than so many frames is cropped: no camera movement gets there.
_LONGEST_SHAPE = 8
_HEADER = struct.Struct("<2I4d")


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A picture to move over.

    Args:
        planes: Its pixels.
        path: The movement, in frame pixels of the picture at the scale where it covers the frame.
        scale_x: Canvas pixels per such pixel, along x.
        scale_y: The same along y.
        origin_x: Where the canvas begins in the picture, in canvas pixels.
        origin_y: The same along y.
    """

    planes: Planes
    path: CameraPath
    scale_x: float
    scale_y: float
    origin_x: float
    origin_y: float

    def view(self, moment: float) -> View:
        """Return the part of the canvas that is seen at a moment 0–1 of the shot, in canvas pixels."""
        view = self.path.view(moment)
        return View(
            view.left * self.scale_x - self.origin_x,
            view.top * self.scale_y - self.origin_y,
            view.width * self.scale_x,
            view.height * self.scale_y,
        )


def to_planes(rgb: Pixels) -> Planes:
    """Convert full-range sRGB of shape (height, width, 3), both sides even, to limited-range BT.709 YUV 4:2:0."""
    yuv = np.asarray(cv2.transform(rgb, _TO_YUV), np.uint8)
    height, width = rgb.shape[:2]
    half = _resized(yuv, (width // 2, height // 2), cv2.INTER_AREA)
    luma, chroma_u, chroma_v = yuv[:, :, 0], half[:, :, 1], half[:, :, 2]
    return Planes(np.ascontiguousarray(luma), np.ascontiguousarray(chroma_u), np.ascontiguousarray(chroma_v))


def _resized(pixels: Pixels, size: tuple[int, int], way: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)


def flattened(pixels: Pixels) -> Pixels:
    """Lay a picture with straight alpha over the ground that suits it; opaque pictures are returned as they are."""
    if pixels.shape[2] == 3:
        return pixels
    opacity = pixels[:, :, 3:].astype(np.float32) / 255
    ground = np.array(ground_under(pixels) or DARK_GROUND, np.float32)
    return np.rint(ground + (pixels[:, :, :3] - ground) * opacity).astype(np.uint8)


def prepare_canvas(
    load: Callable[[tuple[int, int]], Pixels],
    fit: Fit | None,
    motion: Motion,
    width: int,
    height: int,
    *,
    seconds: float = 0.0,
) -> Canvas:
    """Make a picture ready for its movement.

    Args:
        load: Returns the picture as (height, width, 3 or 4) sRGB; where it is larger than the size it is given, it may
            be scaled down as long as it still covers that.
        fit: How the picture fills the frame; None decides by its shape, unless the movement has a focus.
        motion: The movement, decided.
        width: Frame width in pixels, even.
        height: Frame height in pixels, even.
        seconds: How long the movement lasts.

    Returns:
        The canvas; it covers every view of the movement.
    """
    # The closest zoom is known only with the picture's shape; a pan needs at most its whole amount.
    density = _DENSITY * _most_zoom(motion)
    covered = (math.ceil(width * density), math.ceil(height * density))
    pixels = flattened(load(covered))
    focus = (motion.focus_x, motion.focus_y)
    if fit is None and motion.kind is MotionKind.KEN_BURNS:
        fit = Fit.COVER
    fit = decided_fit(fit, (pixels.shape[1], pixels.shape[0]), (width, height), focus)
    if fit is not Fit.COVER:
        pixels = _framed(pixels, covered, blurred=fit is Fit.BLUR)
        density = covered[0] / width
    pixels = _around_focus(pixels, covered, motion)
    picture_height, picture_width = pixels.shape[:2]
    cover = max(width / picture_width, height / picture_height)
    path = CameraPath(motion, picture_width * cover, picture_height * cover, width, height, seconds)
    wanted = _density(path)
    size = (round(picture_width * cover * wanted), round(picture_height * cover * wanted))
    if size != (picture_width, picture_height):
        pixels = _resized(pixels, size, cv2.INTER_AREA if size[0] < picture_width else cv2.INTER_CUBIC)
    return _cropped(pixels, path)


def _most_zoom(motion: Motion) -> float:
    """Return a zoom that a movement does not exceed, whatever the picture's shape; KEN_BURNS is scaled up beyond."""
    if motion.kind is MotionKind.KEN_BURNS:
        least = min(min(part.width, part.height) for part in (motion.start, motion.end, PictureView()) if part)
        return min(1 / least, _MOST_ZOOM)
    if motion.kind is MotionKind.DRIFT:
        return 1 + 1.5 * (motion.amount or 0)
    return 1 + (motion.amount or 0)


def _density(path: CameraPath) -> float:
    """Return canvas pixels per frame pixel at no zoom: fine for the closest view, if that suits the widest."""
    if path.motion.kind is not MotionKind.KEN_BURNS:
        return _DENSITY * path.closest
    widest = path.frame_width / path.extremes[0].width
    return min(_DENSITY * path.closest, _DENSITY * _MOST_ZOOM * widest)


def _around_focus(pixels: Pixels, size: tuple[int, int], motion: Motion) -> Pixels:
    """Crop a very long picture around its focus: scaled to cover the frame, all of it would fill the memory."""
    height, width = pixels.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    rows, columns = (
        min(side, max(1, math.ceil(_LONGEST_SHAPE * wanted / scale)))
        for side, wanted in ((height, size[1]), (width, size[0]))
    )
    # The focus keeps its relative place.
    top, left = round(motion.focus_y * (height - rows)), round(motion.focus_x * (width - columns))
    return pixels[top : top + rows, left : left + columns]


def _cropped(pixels: Pixels, path: CameraPath) -> Canvas:
    """Keep of a picture what the movement shows and what sampling needs around it, repeating its edges if need be."""
    height, width = pixels.shape[:2]
    scale_x, scale_y = width / path.picture_width, height / path.picture_height
    first, last = path.extremes
    before = margin(scale_x * first.width / path.frame_width)
    left = math.floor(min(first.left, last.left) * scale_x) - before
    top = math.floor(min(first.top, last.top) * scale_y) - before
    right = math.ceil(max(first.left + first.width, last.left + last.width) * scale_x) + _AFTER
    bottom = math.ceil(max(first.top + first.height, last.top + last.height) * scale_y) + _AFTER
    right += (right - left) % 2
    bottom += (bottom - top) % 2
    part = pixels[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    edges = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    whole = np.asarray(cv2.copyMakeBorder(part, *edges, cv2.BORDER_REPLICATE), np.uint8)
    return Canvas(to_planes(whole), path, scale_x, scale_y, left, top)


def _framed(pixels: Pixels, size: tuple[int, int], *, blurred: bool) -> Pixels:
    """Show a picture whole in a frame of a size, over black or over a blurred, darker copy of itself."""
    width, height = size
    picture_height, picture_width = pixels.shape[:2]
    scale = min(width / picture_width, height / picture_height)
    inner = (max(1, round(picture_width * scale)), max(1, round(picture_height * scale)))
    frame = _blurred_cover(pixels, size) if blurred else np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    frame[top : top + inner[1], left : left + inner[0]] = cv2.resize(pixels, inner, interpolation=way)
    return frame


def _blurred_cover(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    width, height = size
    picture_height, picture_width = pixels.shape[:2]
    scale = max(width / picture_width, height / picture_height)
    part_width, part_height = min(picture_width, round(width / scale)), min(picture_height, round(height / scale))
    left, top = (picture_width - part_width) // 2, (picture_height - part_height) // 2
    part = pixels[top : top + part_height, left : left + part_width]
    # Blurred at an eighth of the size: the result has no finer detail than that.
    small = cv2.resize(part, (max(2, width // 8), max(2, height // 8)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(width, height) / 8 / 45, borderType=cv2.BORDER_REPLICATE)
    small = cv2.convertScaleAbs(small, alpha=0.62)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def write_canvas(canvas: Canvas, path: Path) -> None:
    """Store a canvas so that other processes can map it; the file appears at once or not at all."""
    partial = path.with_suffix(f".{os.getpid()}.part")
    with partial.open("wb") as file:
        file.write(
            _HEADER.pack(
                canvas.planes.width,
                canvas.planes.height,
                canvas.path.picture_width,
                canvas.path.picture_height,
                canvas.origin_x,
                canvas.origin_y,
            )
        )
        file.write(struct.pack("<2d", canvas.scale_x, canvas.scale_y))
        for plane in canvas.planes.all():
            file.write(plane.data)
    partial.replace(path)


def read_canvas(path: Path, motion: Motion, width: int, height: int, *, seconds: float = 0.0) -> Canvas:
    """Map a canvas that `write_canvas` stored for this motion and frame size; its pixels cannot be written to."""
    content = np.memmap(path, np.uint8, "r")
    across, down, picture_width, picture_height, origin_x, origin_y = _HEADER.unpack_from(content.data)
    scale_x, scale_y = struct.unpack_from("<2d", content.data, _HEADER.size)
    pixels = np.asarray(content)[_HEADER.size + 16 :]
    half = (down // 2, across // 2)
    luma, chroma = across * down, half[0] * half[1]
    planes = Planes(
        pixels[:luma].reshape(down, across),
        pixels[luma : luma + chroma].reshape(half),
        pixels[luma + chroma :].reshape(half),
    )
    path_over = CameraPath(motion, picture_width, picture_height, width, height, seconds)
    return Canvas(planes, path_over, scale_x, scale_y, origin_x, origin_y)
