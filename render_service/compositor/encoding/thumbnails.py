"""Writes the thumbnails of a video: the poster and the contact sheet."""

import math
from collections.abc import Sequence
from pathlib import Path

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from PIL import Image

from render_service.compositor.encoding.encoder import open_segment

_POSTER_QUALITY = 88
_SHEET_QUALITY = 85
_SHEET_WIDTH = 1600
_SHEET_SHAPE = 1.3
_GAP = 12
_BACKGROUND = (24, 24, 26)


def write_thumbnails(
    shots: Sequence[tuple[Path, int]], poster_shows: tuple[Path, int], poster: Path, sheet: Path
) -> None:
    """Write the poster (one frame at the video's size) and the contact sheet (a grid of one frame a shot) as JPEG.

    Args:
        shots: For each shot, a segment and the number of the frame to take from it.
        poster_shows: The same for the poster; mostly one of them.
        poster: The poster's file.
        sheet: The contact sheet's file.
    """
    first = _frame(*shots[0])
    if poster_shows not in shots:
        _write_poster(_frame(*poster_shows), poster)
    columns = _columns(len(shots), first.width / first.height)
    rows = math.ceil(len(shots) / columns)
    width = (_SHEET_WIDTH - _GAP * (columns + 1)) // columns
    width = min(width, first.width)
    height = round(width * first.height / first.width)
    size = (_GAP + columns * (width + _GAP), _GAP + rows * (height + _GAP))
    pictures = Image.new("RGB", size, _BACKGROUND)
    for number, shot in enumerate(shots):
        frame = first if number == 0 else _frame(*shot)
        place = (_GAP + number % columns * (width + _GAP), _GAP + number // columns * (height + _GAP))
        pictures.paste(scaled_picture(frame, width, height), place)
        if shot == poster_shows:
            _write_poster(frame, poster)
    pictures.save(sheet, "JPEG", quality=_SHEET_QUALITY)


def _columns(count: int, shape: float) -> int:
    """Return the number of columns that gives a sheet close to the wanted shape with few empty cells.

    Args:
        count: Number of pictures.
        shape: Width / height of one picture.
    """

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        empty = (columns * rows - count) / (columns * rows)
        return abs(math.log(columns * shape / rows / _SHEET_SHAPE)) + empty

    return min(range(1, count + 1), key=cost)


def _frame(segment: Path, number: int) -> VideoFrame:
    with open_segment(segment) as container:
        for place, frame in enumerate(container.decode(video=0)):
            if place == number:
                return frame
    raise ValueError(f"the segment has no frame {number}")


def _write_poster(frame: VideoFrame, path: Path) -> None:
    scaled_picture(frame, frame.width, frame.height).save(path, "JPEG", quality=_POSTER_QUALITY)


def scaled_picture(frame: VideoFrame, width: int, height: int) -> Image.Image:
    """Return a frame in RGB and at another size in pixels, converted and scaled down in one step."""
    scaled = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA)
    return Image.fromarray(scaled.to_ndarray())
