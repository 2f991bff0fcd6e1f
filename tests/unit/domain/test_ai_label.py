"""The label of generated videos: its text, its corner, and what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from render_service.domain.layers.model import Anchor
from render_service.domain.projects.delivery.ai_label import LABEL_ID, with_ai_label
from render_service.domain.projects.looks.captions import CaptionPosition
from render_service.domain.projects.output import AiLabel, OutputOptions, OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Corner, Project, Watermark
from render_service.domain.projects.validation import check_output

OUTPUT = OutputSpec(1080, 1920, 30, Quality.STANDARD, ai_label=AiLabel())


@pytest.mark.parametrize(
    ("language", "text"), [("", "AI-generated"), ("xx", "AI-generated"), ("zh-Hant", "AI 生成"), ("DE", "KI-generiert")]
)
def test_the_label_is_in_the_language_of_the_project(language: str, text: str) -> None:
    (layer,) = with_ai_label(Project(language=language), OUTPUT).layers
    assert layer.text is not None
    assert (layer.id, layer.text.text, layer.duration) == (LABEL_ID, text, timedelta(seconds=3))
    # Five hundredths of the shorter side is the height of its letters, not of their em.
    assert 0.7 * layer.text.style.size >= 0.05


@pytest.mark.parametrize(
    ("mark", "position", "corner"),
    [
        (None, None, Anchor.TOP_LEFT),
        (Corner.TOP_LEFT, None, Anchor.TOP_RIGHT),
        (Corner.BOTTOM_LEFT, CaptionPosition.TOP, Anchor.BOTTOM_RIGHT),
        (Corner.TOP_LEFT, CaptionPosition.TOP, Anchor.BOTTOM_LEFT),
    ],
)
def test_the_label_keeps_clear_of_watermark_and_captions(
    mark: Corner | None, position: CaptionPosition | None, corner: Anchor
) -> None:
    watermark = None if mark is None else Watermark("logo", mark)
    project = Project(watermark=watermark, captions=CaptionOptions(position=position))
    (layer,) = with_ai_label(project, OUTPUT).layers
    assert layer.box.anchor is corner
    assert (layer.box.x == pytest.approx(0.04)) is (corner in (Anchor.TOP_LEFT, Anchor.BOTTOM_LEFT))


def test_no_label_is_added_unless_it_is_asked_for() -> None:
    assert with_ai_label(Project(), replace(OUTPUT, ai_label=None)).layers == ()


@pytest.mark.parametrize(
    ("label", "field"),
    [
        (AiLabel("x" * 41), "text"),
        (AiLabel("two\nlines"), "text"),
        (AiLabel("  "), "text"),
        (AiLabel("\u200b\u2060"), "text"),
        (AiLabel("\xad\x01"), "text"),
        (AiLabel("a\rb"), "text"),
        (AiLabel("a\u2028b"), "text"),
        (AiLabel(duration=timedelta(seconds=1.999)), "duration"),
        (AiLabel(duration=timedelta(seconds=-3)), "duration"),
        (AiLabel(producer="x" * 101), "producer"),
    ],
)
def test_a_wrong_label_is_refused_by_the_name_of_its_field(label: AiLabel, field: str) -> None:
    faults = check_output(OutputOptions(ai_label=label), "output")
    assert [fault.field for fault in faults] == [f"output.ai_label.{field}"]
