"""A clip that is cropped shows what its focus asks for, however the stored picture is turned."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from render_service.compositor.frames.ground import DARK_GROUND
from render_service.compositor.media import clips
from render_service.compositor.media.clips import FrameFormat, _Converter
from render_service.compositor.media.video_decoding import Turn
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import Fit

Picture = NDArray[np.uint8]

# How the displayed picture comes about, as NumPy has it.
DISPLAYED: dict[Turn, Callable[[Picture], Picture]] = {
    Turn.NONE: lambda stored: stored,
    Turn.MIRROR: lambda stored: stored[:, ::-1],
    Turn.FLIP: lambda stored: stored[::-1],
    Turn.HALF: lambda stored: stored[::-1, ::-1],
    Turn.CLOCKWISE: lambda stored: np.rot90(stored, -1),
    Turn.COUNTER_CLOCKWISE: np.rot90,
    Turn.TRANSPOSE: lambda stored: stored.T,
    Turn.TRANSVERSE: lambda stored: stored[::-1, ::-1].T,
}
SIDE, LONG = 48, 192


def stored_picture(width: int, height: int) -> Picture:
    """Return luma that names each place: brighter to the right, and in bands downwards."""
    across, down = np.arange(width) / width, np.arange(height) / height
    return np.rint(16 + 160 * across[None, :] + 50 * down[:, None]).astype(np.uint8)


def converted(
    stored: Picture, turn: Turn, fit: Fit | None, focus: tuple[float, float], crop: PictureView | None = None
) -> Picture:
    height, width = stored.shape
    planes = [stored, np.full((height, width), 128, np.uint8), np.full((height, width), 128, np.uint8)]
    frame = VideoFrame.from_ndarray(np.stack(planes), format="yuv444p")
    frame.colorspace, frame.color_range = 1, 1
    form = FrameFormat(SIDE, SIDE, 25, fit, focus, crop)
    shown = (height, width) if turn.swaps_sides else (width, height)
    return _Converter(frame, shown, form, Path(), DARK_GROUND).convert(frame).y


@pytest.mark.parametrize("turn", list(Turn), ids=lambda turn: turn.name)
@pytest.mark.parametrize(("along", "at"), [("x", 0.0), ("x", 0.3), ("x", 1.0), ("y", 0.0), ("y", 0.3), ("y", 1.0)])
def test_the_focus_is_in_view(turn: Turn, along: str, at: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "turn_of", lambda _: turn)
    sides = (LONG, SIDE) if (along == "x") != turn.swaps_sides else (SIDE, LONG)
    stored = stored_picture(*sides)
    displayed = DISPLAYED[turn](stored)
    start = round(min(max(at - SIDE / LONG / 2, 0), 1 - SIDE / LONG) * LONG)
    wanted = displayed[:, start : start + SIDE] if along == "x" else displayed[start : start + SIDE]
    shown = converted(stored, turn, Fit.COVER, (at, 0.5) if along == "x" else (0.5, at))
    assert np.abs(shown.astype(int) - wanted).max() <= 2


def test_a_clip_with_a_focus_fills_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = stored_picture(SIDE, LONG)
    shown = converted(stored, Turn.NONE, None, (0.5, 0.0))
    assert np.abs(shown.astype(int) - stored[:SIDE]).max() <= 2


@pytest.mark.parametrize("turn", list(Turn), ids=lambda turn: turn.name)
def test_a_crop_is_a_part_of_the_displayed_picture(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "turn_of", lambda _: turn)
    stored = stored_picture(*((2 * SIDE, LONG) if turn.swaps_sides else (LONG, 2 * SIDE)))
    displayed = DISPLAYED[turn](stored)
    # The whole crop, 2 × SIDE wide and SIDE high, then its right half in the frame.
    crop = PictureView(x=0.25, y=0.5, width=0.5, height=0.5)
    wanted = displayed[SIDE : 2 * SIDE, 2 * SIDE : 3 * SIDE]
    shown = converted(stored, turn, Fit.COVER, (1.0, 0.5), crop)
    assert np.abs(shown.astype(int) - wanted).max() <= 2
