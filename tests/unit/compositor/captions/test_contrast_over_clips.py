"""Every colour of a caption preset can be read over each frame of a moving, coloured background."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.layout import CaptionFormat, caption_area
from render_service.compositor.captions.look import Backing, CaptionLook
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.captions.word_cues import word_cues
from render_service.compositor.frames.planes import Planes
from render_service.domain.layers.contrast import LEAST_CONTRAST, contrast, luminance, rgb
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.project import CaptionOptions

Picture = NDArray[np.float64]

SIZE, FPS, LENGTH = (960, 540), 30, 60
COLORS = ["#FF0000", "#FF00FF", "#0000FF", "#00FFFF", "#00FF00", "#FFFF00", "#FFFFFF", "#000000", "#808080", "#FF8800"]


def ycc(color: str) -> tuple[int, int, int]:
    """A colour as limited-range BT.709."""
    red, green, blue = rgb(color)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    chroma = ((blue - luma) / 1.8556, (red - luma) / 1.5748)
    return round(16 + 219 * luma), round(128 + 224 * chroma[0]), round(128 + 224 * chroma[1])


def background(frame: int) -> Planes:
    """A frame of a clip of stripes wider than it, which run to the left."""
    planes = Planes.empty(*SIZE)
    stripes = (np.arange(SIZE[0]) + 200 * frame) // 1200 % len(COLORS)
    for number, plane in enumerate(planes.all()):
        table = np.array([ycc(color)[number] for color in COLORS], np.uint8)
        plane[:] = table[stripes[:: SIZE[0] // plane.shape[1]]]
    return planes


def within(planes: Planes, rect: Rect) -> Planes:
    """A part of a frame."""
    rows, columns = slice(rect.y, rect.y + rect.height), slice(rect.x, rect.x + rect.width)
    half = (slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2))
    return Planes(planes.y[rows, columns], planes.u[half], planes.v[half])


def decoded(planes: Planes) -> Picture:
    """A frame as RGB 0–1."""
    luma = (planes.y.astype(np.float64) - 16) / 219
    blue, red = ((plane.repeat(2, 0).repeat(2, 1).astype(np.float64) - 128) / 224 for plane in (planes.u, planes.v))
    shown = (luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue)
    return np.stack(shown, axis=-1).clip(0, 1)


def lightness(picture: Picture) -> Picture:
    """The relative luminance of each pixel."""
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ (0.2126, 0.7152, 0.0722), np.float64)


def contrasts(look: CaptionLook, picture: Picture, opaque: NDArray[np.bool_]) -> Iterator[tuple[str, float]]:
    """Each colour that letters have in a picture, with its contrast to nearly all that is around them."""
    light = lightness(picture)
    # Outlines and boxes have edges of their own, which may lie that close to a letter.
    share = 20 if look.stroke or look.backing is not Backing.NONE else 5
    for ink in {*look.letter_colors, look.backing_ink or look.ink, look.spoken or look.ink}:
        letters = opaque & (abs(picture - rgb(ink)).max(axis=-1) < 0.1)
        core = cv2.erode(letters.astype(np.uint8), np.ones((2, 2), np.uint8))
        if np.count_nonzero(core) < 60:
            continue
        near = cv2.dilate(core, np.ones((5, 5), np.uint8))
        ring = (cv2.dilate(near, np.ones((3, 3), np.uint8)) > 0) & (near == 0) & ~letters
        own = luminance(rgb(ink))
        yield ink, float(np.percentile([contrast(own, other) for other in light[ring]], share))


@pytest.mark.parametrize("preset", CaptionPreset)
def test_every_color_is_legible_in_every_frame_of_a_moving_background(preset: CaptionPreset) -> None:
    look, least = chosen_look(CaptionOptions(preset=preset)), dict[str, float]()
    assert look is not None
    fmt = CaptionFormat(look=look)
    for cue in word_cues(Cue("s", 0, LENGTH, "Harbours wake before dawn"), fmt, SIZE, FPS):
        painter = LookPainter(cue.text, cue.words, fmt, size=SIZE, fps=FPS, area=caption_area(*SIZE, fmt, None))
        for frame in range(cue.start + 8, cue.end, 6):
            picture = background(frame)
            overlay = painter.overlay(frame, picture)
            assert overlay is not None
            overlay.blend(picture.y, picture.u, picture.v)
            part = within(picture, Rect(overlay.x, overlay.y, overlay.width, overlay.height))
            for ink, ratio in contrasts(look, decoded(part), overlay.clear < 3):
                least[ink] = min(least.get(ink, ratio), ratio)
    assert least
    assert min(least.values()) >= LEAST_CONTRAST, least
