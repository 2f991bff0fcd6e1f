"""The check of the label: it finds the label in scaled videos, and does not take an empty box for one."""

import numpy as np
import pytest

from render_service.compositor.verification.ai_label import _shown_on, check_luma
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.ai_label import with_ai_label
from render_service.domain.projects.output import AiLabel, OutputSpec, Quality
from render_service.domain.projects.project import Project

GREY = (128, 128, 128)


def output(width: int, height: int, text: str = "") -> OutputSpec:
    return OutputSpec(width, height, 10, Quality.DRAFT, ai_label=AiLabel(text))


def checked(language: str, drawn: OutputSpec, shown: OutputSpec) -> None:
    """Check a frame that is drawn at one size and scaled to another."""
    spec = RenderSpec(with_ai_label(Project(language=language), drawn), shown)
    (label,) = spec.project.layers
    check_luma(_shown_on(GREY, spec, label, 20, drawn), spec, label, 20, drawn)


@pytest.mark.parametrize("language", ["en", "ar", "hi", "zh"])
@pytest.mark.parametrize(
    ("drawn", "shown"),
    [
        ((1280, 720), (854, 480)),
        ((1280, 720), (426, 240)),
        ((1280, 720), (256, 144)),
        ((1080, 1920), (480, 854)),
        ((320, 180), (320, 180)),
    ],
)
def test_the_label_is_found_on_every_rung_of_a_ladder(
    language: str, drawn: tuple[int, int], shown: tuple[int, int]
) -> None:
    checked(language, output(*drawn), output(*shown))


def test_a_box_without_letters_is_no_label() -> None:
    with pytest.raises(RenderFailure, match="letters"):
        checked("en", output(320, 180, "\u200b"), output(320, 180, "\u200b"))


def test_letters_that_the_video_does_not_show_are_missed() -> None:
    size = output(320, 180, ".")
    spec = RenderSpec(with_ai_label(Project(language="en"), size), size)
    (label,) = spec.project.layers
    found = np.minimum(_shown_on(GREY, spec, label, 20, size), 16)
    with pytest.raises(RenderFailure, match="letters"):
        check_luma(found, spec, label, 20, size)
