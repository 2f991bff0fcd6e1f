"""A sprite sheet covers all of a video, with few enough pictures for any length and shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.encoding.sprite_sheet import SpriteSheet
from render_service.domain.projects.output import FRAME_RATES, MAX_SIDE, MIN_SIDE

SIDES = st.integers(MIN_SIDE // 2, MAX_SIDE // 2).map(lambda half: 2 * half)


@given(frames=st.integers(1, 4 * 3600 * 60), fps=st.sampled_from(FRAME_RATES), width=SIDES, height=SIDES)
def test_every_frame_belongs_to_one_picture_that_shows_a_frame_of_its_time(
    frames: int, fps: int, width: int, height: int
) -> None:
    sheet = SpriteSheet.of(frames, fps, width, height)
    step = sheet.interval * fps
    assert 1 <= sheet.count <= 300
    assert (sheet.count - 1) * step < frames <= sheet.count * step
    assert max(sheet.width, sheet.height) == 160
    right, bottom = sheet.place(sheet.count - 1)
    assert right + sheet.width <= sheet.size[0]
    assert bottom + sheet.height == sheet.size[1]
    for index in (0, sheet.count - 1):
        shown = sheet.frame(index, frames, fps)
        assert index * step <= shown < min((index + 1) * step, frames)


@pytest.mark.parametrize(("seconds", "interval"), [(1, 1), (300, 1), (301, 2), (3600, 12)])
def test_a_longer_video_has_pictures_further_apart(seconds: int, interval: int) -> None:
    assert SpriteSheet.of(seconds * 30, 30, 1920, 1080).interval == interval
