"""Searches pictures and clips for faces."""

from collections.abc import Iterator
from datetime import timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.faces.detector import find_faces
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.images import load_image
from render_service.domain.projects.looks.faces import FaceBox, FacesAt, FaceSearch
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.media import KeyframeGap
from render_service.domain.projects.project import Fit

# Size of the pictures that are searched, in pixels: of their shorter side, and the most of their longer one.
_SIDE, _LONGEST = 480, 1920
_MOMENTS = (0.05, 0.25, 0.5, 0.75, 0.95)
_RATE = 10


def faces_in_image(asset: Asset) -> tuple[FacesAt, ...]:
    """Return the faces of a picture.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    found = find_faces(np.ascontiguousarray(load_image(asset, cover=(_SIDE, _SIDE))[..., :3]))
    return (FacesAt(timedelta(0), tuple(found)),)


def faces_in_clip(
    asset: Asset, search: FaceSearch, size: tuple[int, int], gaps: tuple[KeyframeGap, ...] = ()
) -> tuple[FacesAt, ...]:
    """Return the faces in some pictures of a clip, in order.

    Args:
        asset: A clip that has been probed.
        search: What of it is searched; its length is given.
        size: Displayed width and height of its pictures in pixels.
        gaps: Its long stretches without a keyframe: none of them is decoded twice.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    crop = search.crop
    return tuple(
        FacesAt(time, tuple(_uncropped(face, crop) for face in find_faces(picture)))
        for time, picture in _pictures(asset, search, size, gaps)
    )


def _uncropped(face: FaceBox, crop: PictureView) -> FaceBox:
    x, y = crop.x + face.x * crop.width, crop.y + face.y * crop.height
    return FaceBox(x, y, face.width * crop.width, face.height * crop.height)


def _pictures(
    asset: Asset, search: FaceSearch, size: tuple[int, int], gaps: tuple[KeyframeGap, ...]
) -> Iterator[tuple[timedelta, NDArray[np.uint8]]]:
    assert search.length is not None
    part = (size[0] * search.crop.width, size[1] * search.crop.height)
    scale = min(1.0, _SIDE / min(part), _LONGEST / max(part))
    width, height = (max(2, round(side * scale / 2) * 2) for side in part)
    form = FrameFormat(width, height, _RATE, Fit.COVER, crop=search.crop)
    seconds = search.length.total_seconds()
    reader: ClipReader | None = None
    at, reached = timedelta(0), 0
    try:
        for number in sorted({int(seconds * _RATE * moment) for moment in _MOMENTS}):
            time = search.start + timedelta(seconds=number / _RATE)
            if reader is not None and any(gap.start <= at and time < gap.end for gap in gaps):
                reader.skip(number - reached)
            else:
                if reader is not None:
                    reader.close()
                reader = ClipReader(asset, form, first=number, start=search.start.total_seconds())
            planes = reader.read()
            at, reached = time, number + 1
            yuv = np.concatenate([plane.ravel() for plane in (planes.y, planes.u, planes.v)])
            pixels = cv2.cvtColor(yuv.reshape(height * 3 // 2, width), cv2.COLOR_YUV2RGB_I420)
            yield time, np.asarray(pixels, np.uint8)
    finally:
        if reader is not None:
            reader.close()
