"""Decides the point of a picture or clip that a crop keeps in view: the middle of its faces."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.faces.detector import Face, find_faces
from render_service.compositor.frames.fitting import CENTRE
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.images import load_image
from render_service.domain.projects.project import Fit

# Size of the pictures that are searched, in pixels of their shorter side.
_SIDE = 480
_MOMENTS = (0.05, 0.25, 0.5, 0.75, 0.95)
# Faces that are smaller than this part of the largest one's width are bystanders.
_BYSTANDER = 0.5
# Rounded, so that the last bits of a processor's arithmetic decide nothing.
_STEP = 0.01


def image_focus(asset: Asset) -> tuple[float, float] | None:
    """Return the middle of a picture's faces as fractions 0–1 of its sides; None without a face."""
    return focus_of(find_faces(np.ascontiguousarray(load_image(asset, cover=(_SIDE, _SIDE))[..., :3])))


def clip_focus(asset: Asset, length: timedelta, size: tuple[int, int]) -> tuple[float, float] | None:
    """Return the middle of all faces in some pictures of a clip, see `image_focus`.

    Args:
        asset: A clip that has been probed.
        length: Its length.
        size: Its displayed width and height in pixels.
    """
    return focus_of(face for picture in _pictures(asset, length, size) for face in find_faces(picture))


def focus_of(faces: Iterable[Face]) -> tuple[float, float] | None:
    """Return the middle of faces as fractions 0–1 of a picture's sides; None without a face."""
    found = list(faces)
    if not found:
        return None
    largest = max(face.width for face in found)
    near = [face for face in found if face.width >= _BYSTANDER * largest]
    left, right = min(face.x for face in near), max(face.x + face.width for face in near)
    top, bottom = min(face.y for face in near), max(face.y + face.height for face in near)
    x, y = (min(1.0, max(0.0, round(middle, 2))) for middle in ((left + right) / 2, (top + bottom) / 2))
    # The centre means that no focus is known, with which a picture may be shown whole instead.
    return (x, y) if (x, y) != CENTRE else (x, y + _STEP)


def _pictures(asset: Asset, length: timedelta, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    scale = _SIDE / min(size)
    width, height = (max(2, round(side * scale / 2) * 2) for side in size)
    rate = 10
    form = FrameFormat(width, height, rate, Fit.COVER)
    for first in sorted({int(length.total_seconds() * rate * moment) for moment in _MOMENTS}):
        reader = ClipReader(asset, form, first=first)
        try:
            planes = reader.read()
            yuv = np.concatenate([plane.ravel() for plane in (planes.y, planes.u, planes.v)])
        finally:
            reader.close()
        yield np.asarray(cv2.cvtColor(yuv.reshape(height * 3 // 2, width), cv2.COLOR_YUV2RGB_I420), np.uint8)
