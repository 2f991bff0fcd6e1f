"""Camera movements: they stay inside the picture, keep the focus, and move evenly by parts of a pixel."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.drawing.canvas import Canvas, Pixels, prepare_canvas
from render_service.compositor.drawing.motion import CameraPath, ease
from render_service.compositor.drawing.sampling import sample
from render_service.compositor.frames.planes import Planes
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import Easing, Fit, Motion, MotionKind

_places = st.floats(0, 0.6)
_sides = st.floats(0.05, 0.4)
_views = st.none() | st.builds(PictureView, x=_places, y=_places, width=_sides, height=_sides)
_EVEN = (MotionKind.ZOOM_IN, MotionKind.ZOOM_OUT, MotionKind.PAN_LEFT, MotionKind.PAN_RIGHT, MotionKind.PAN_UP)
_motions = st.builds(
    Motion,
    kind=st.sampled_from(MotionKind),
    start=_views,
    end=_views,
    focus_x=st.floats(0, 1),
    focus_y=st.floats(0, 1),
    easing=st.sampled_from(Easing),
    amount=st.floats(0.01, 0.5),
)


@given(
    motion=_motions,
    shape=st.tuples(st.integers(100, 4000), st.integers(100, 4000)),
    moment=st.floats(0, 1),
    seconds=st.floats(0.1, 600),
)
def test_the_view_never_leaves_the_picture(
    motion: Motion, shape: tuple[int, int], moment: float, seconds: float
) -> None:
    cover = max(1920 / shape[0], 1080 / shape[1])
    path = CameraPath(motion, shape[0] * cover, shape[1] * cover, 1920, 1080, seconds)
    view = path.view(moment)
    assert -1e-6 <= view.left <= path.picture_width - view.width + 1e-6
    assert -1e-6 <= view.top <= path.picture_height - view.height + 1e-6
    assert view.width / view.height == pytest.approx(1920 / 1080)
    assert 1920 / path.closest <= view.width * (1 + 1e-9)
    one, other = path.extremes
    assert min(one.left, other.left) - 1e-6 <= view.left
    assert min(one.top, other.top) - 1e-6 <= view.top
    assert view.left + view.width <= max(one.left + one.width, other.left + other.width) + 1e-6
    assert view.top + view.height <= max(one.top + one.height, other.top + other.height) + 1e-6


@given(easing=st.sampled_from(Easing), moment=st.floats(0, 1), later=st.floats(0, 1))
def test_easings_run_from_none_to_all_without_turning_back(easing: Easing, moment: float, later: float) -> None:
    assert (ease(easing, 0), ease(easing, 1)) == (0, 1)
    assert ease(easing, min(moment, later)) <= ease(easing, max(moment, later)) + 1e-12


@given(motion=_motions, moment=st.floats(0, 1))
def test_a_zoom_keeps_its_focus_in_its_place(motion: Motion, moment: float) -> None:
    if motion.kind not in (MotionKind.ZOOM_IN, MotionKind.ZOOM_OUT):
        return
    path = CameraPath(motion, 1920, 1080, 1920, 1080)
    view = path.view(moment)
    x, y = motion.focus_x * 1920, motion.focus_y * 1080
    assert (x - view.left) / view.width == pytest.approx(motion.focus_x, abs=1e-9)
    assert (y - view.top) / view.height == pytest.approx(motion.focus_y, abs=1e-9)


def test_ken_burns_goes_from_one_part_of_the_picture_to_the_other() -> None:
    start, end = PictureView(0.1, 0.2, 0.2, 0.2), PictureView(0.5, 0.6, 0.4, 0.4)
    motion = Motion(MotionKind.KEN_BURNS, easing=Easing.LINEAR, start=start, end=end)
    path = CameraPath(motion, 1920, 1080, 1920, 1080)
    for part, moment in ((start, 0), (end, 1)):
        view = path.view(moment)
        seen = [view.left / 1920, view.top / 1080, view.width / 1920, view.height / 1080]
        assert seen == pytest.approx([part.x, part.y, part.width, part.height])
    # Every frame is larger by the same factor.
    widths = [path.view(moment / 10).width for moment in range(11)]
    factors = [wider / width for width, wider in pairwise(widths)]
    assert max(factors) == pytest.approx(min(factors))


def test_a_part_of_another_shape_is_shown_whole() -> None:
    motion = Motion(MotionKind.KEN_BURNS, easing=Easing.LINEAR, end=PictureView(0.4, 0.1, 0.1, 0.4))
    view = CameraPath(motion, 1920, 1080, 1920, 1080).view(1)
    assert view.left <= 0.4 * 1920 <= 0.5 * 1920 <= view.left + view.width
    assert view.top <= 0.1 * 1080 + 1e-6
    assert view.top + view.height >= 0.5 * 1080 - 1e-6


def test_a_long_narration_is_not_one_zoom() -> None:
    motion = Motion(MotionKind.DRIFT, easing=Easing.EASE_IN_OUT, amount=0.1)
    path = CameraPath(motion, 1920, 1080, 1920, 1080, seconds=61)
    views = [path.view(second / 61) for second in range(62)]
    widths = np.array([view.width for view in views])
    turns = np.sum(np.diff(np.sign(np.diff(widths))) != 0)
    assert turns >= 5
    assert len({(round(view.left), round(view.top)) for view in views}) > 50
    # And slow: no more than 1 % of the frame a second in any direction, but for the zoom itself.
    assert np.abs(np.diff([view.left + view.width / 2 for view in views])).max() < 0.02 * 1920


def test_a_close_part_is_as_sharp_as_the_frame_and_a_wide_one_does_not_fill_the_memory() -> None:
    grey = np.full((900, 1600, 3), 90, np.uint8)
    close = Motion(
        MotionKind.KEN_BURNS, easing=Easing.LINEAR, start=PictureView(0, 0, 0.2, 0.2), end=PictureView(0, 0, 0.25, 0.25)
    )
    wide = Motion(MotionKind.KEN_BURNS, easing=Easing.LINEAR, end=PictureView(0.4, 0.4, 0.05, 0.05))
    assert prepare_canvas(lambda _: grey, None, close, 320, 180).scale_x >= 5
    canvas = prepare_canvas(lambda _: grey, None, wide, 320, 180)
    assert canvas.planes.y.size < 5 * 320 * 180


def _spot_canvas(motion: Motion, width: int, height: int) -> Canvas:
    """A canvas of a grey picture with one soft bright spot off the middle."""
    y, x = np.mgrid[0 : height * 2, 0 : width * 2].astype(np.float32)
    spot = np.exp(-(((x - width * 1.3) ** 2 + (y - height * 0.8) ** 2) / (2 * 24.0**2)))
    picture = np.repeat((40 + 180 * spot)[..., None], 3, axis=2).astype(np.uint8)

    def load(size: tuple[int, int]) -> Pixels:
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

    return prepare_canvas(load, Fit.COVER, motion, width, height)


@pytest.mark.parametrize(
    "motion",
    [
        *(Motion(kind, easing=Easing.LINEAR, amount=0.1) for kind in _EVEN),
        Motion(MotionKind.KEN_BURNS, easing=Easing.LINEAR, end=PictureView(0.1, 0.05, 0.9, 0.9)),
    ],
    ids=lambda motion: motion.kind,
)
def test_pictures_move_evenly_by_parts_of_a_pixel(motion: Motion) -> None:
    width, height, frames = 640, 360, 120
    canvas = _spot_canvas(motion, width, height)
    frame = Planes.empty(width, height)
    places = []
    for number in range(frames):
        sample(canvas.planes, canvas.view(number / (frames - 1)), frame)
        light = np.maximum(frame.y.astype(np.float64) - 60, 0)
        places.append(
            ((light.sum(0) @ np.arange(width)) / light.sum(), (light.sum(1) @ np.arange(height)) / light.sum())
        )
    steps = np.diff(np.array(places), axis=0)
    # Between neighbouring frames the speed may change a little (a zoom's does), but nothing may jump.
    jerks = np.abs(np.diff(steps, axis=0))
    assert np.abs(steps).max() > 0.05
    assert np.abs(steps).max() < 1.0
    assert jerks.max() < 0.12
    assert np.sqrt((jerks**2).mean()) < 0.04


def test_a_still_picture_fills_the_frame_unchanged() -> None:
    colour = np.full((200, 300, 3), (200, 100, 50), np.uint8)
    canvas = prepare_canvas(lambda _: colour, Fit.COVER, Motion(MotionKind.NONE, easing=Easing.LINEAR), 160, 90)
    frame = Planes.empty(160, 90)
    sample(canvas.planes, canvas.view(0.5), frame)
    for plane in frame.all():
        assert plane.min() == plane.max()
    # BT.709: 16 + 219 · (0.2126 · 200 + 0.7152 · 100 + 0.0722 · 50) / 255
    assert int(frame.y[0, 0]) == 117


def test_contain_shows_the_picture_whole_between_black_bars() -> None:
    white = np.full((400, 100, 3), 255, np.uint8)
    canvas = prepare_canvas(lambda _: white, Fit.CONTAIN, Motion(MotionKind.NONE, easing=Easing.LINEAR), 320, 180)
    frame = Planes.empty(320, 180)
    sample(canvas.planes, canvas.view(0), frame)
    assert int(frame.y[90, 160]) == 235
    assert int(frame.y[90, 20]) == int(frame.y[90, 300]) == 16
    assert int(frame.y[2, 160]) == int(frame.y[177, 160]) == 235
