"""Single pictures from segments: the poster and the contact sheet."""

import math
from collections.abc import Sequence
from pathlib import Path

import av
from PIL import Image

_POSTER_QUALITY = 88
_SHEET_QUALITY = 85
_SHEET_WIDTH = 1600
_SHEET_SHAPE = 1.3
_GAP = 12
_BACKGROUND = (24, 24, 26)


def write_poster(segment: Path, frame: int, path: Path) -> None:
    """Write one frame of a segment as a JPEG of the video's size."""
    _picture(segment, frame).save(path, "JPEG", quality=_POSTER_QUALITY)


def write_contact_sheet(shots: Sequence[tuple[Path, int]], path: Path) -> None:
    """Write a JPEG that shows one frame of every shot, in rows from the top left.

    Args:
        shots: For every shot a segment and the number of the frame to take from it.
        path: The file to write.
    """
    first = _picture(*shots[0])
    columns = _columns(len(shots), first.width / first.height)
    rows = math.ceil(len(shots) / columns)
    width = (_SHEET_WIDTH - _GAP * (columns + 1)) // columns
    width = min(width, first.width)
    height = round(width * first.height / first.width)
    sheet = Image.new("RGB", (_GAP + columns * (width + _GAP), _GAP + rows * (height + _GAP)), _BACKGROUND)
    for number, shot in enumerate(shots):
        picture = (first if number == 0 else _picture(*shot)).resize((width, height), Image.Resampling.BOX)
        sheet.paste(picture, (_GAP + number % columns * (width + _GAP), _GAP + number // columns * (height + _GAP)))
    sheet.save(path, "JPEG", quality=_SHEET_QUALITY)


def _columns(count: int, shape: float) -> int:
    """Return how many pictures of a shape (width / height) go side by side: a sheet of pleasant shape, few gaps."""

    def fault(columns: int) -> float:
        rows = math.ceil(count / columns)
        empty = (columns * rows - count) / (columns * rows)
        return abs(math.log(columns * shape / rows / _SHEET_SHAPE)) + empty

    return min(range(1, count + 1), key=fault)


def _picture(segment: Path, frame: int) -> Image.Image:
    with av.open(str(segment)) as container:
        for number, decoded in enumerate(container.decode(video=0)):
            if number == frame:
                return Image.fromarray(decoded.to_ndarray(format="rgb24"))
    raise ValueError(f"the segment has no frame {frame}")
