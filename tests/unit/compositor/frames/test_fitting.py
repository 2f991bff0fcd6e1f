"""Which fit a picture gets where the project leaves it open."""

import pytest

from render_service.compositor.frames.fitting import decided_fit
from render_service.domain.projects.project import Fit


@pytest.mark.parametrize(
    ("picture", "frame", "fit"),
    [
        ((2000, 3000), (1920, 1080), Fit.BLUR),
        ((1080, 1920), (1920, 1080), Fit.BLUR),
        ((1080, 1350), (1920, 1080), Fit.BLUR),
        ((1000, 1000), (1920, 1080), Fit.COVER),
        ((3000, 2000), (1920, 1080), Fit.COVER),
        ((990, 1000), (1920, 1080), Fit.BLUR),
        ((900, 1000), (1200, 1000), Fit.COVER),
        ((1920, 1080), (1080, 1920), Fit.COVER),
        ((1080, 1920), (1080, 1350), Fit.COVER),
        ((1080, 1920), (1080, 1080), Fit.COVER),
    ],
)
def test_a_portrait_in_a_landscape_frame_is_shown_whole_if_too_little_of_it_would_be_seen(
    picture: tuple[int, int], frame: tuple[int, int], fit: Fit
) -> None:
    assert decided_fit(None, picture, frame) is fit


@pytest.mark.parametrize("asked", Fit)
def test_what_the_project_asks_for_is_done(asked: Fit) -> None:
    assert decided_fit(asked, (100, 300), (300, 100)) is asked
