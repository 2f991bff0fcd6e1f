"""Texts in many languages are broken into lines, cues and cards as their readers expect."""

from datetime import timedelta
from itertools import pairwise
from math import inf

import pytest

from render_service.compositor.captions.cues import plan_cues
from render_service.compositor.captions.layout import CaptionFormat, lay_out_caption
from render_service.compositor.text.line_breaking import break_lines
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.timeline import plan_timeline
from tests.unit.compositor.test_line_breaking import cells
from tests.unit.compositor.text.line_breaking_texts import TEXTS

_NEVER_FIRST = "、。，．,.！？!?：；:;）)］]｝}〉》」』】％%‰°℃…‥ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々ๆ។၊။،؛؟।"
_NEVER_LAST = "（([{〈《「『【#@¿¡|·•/&"
_WIDTHS = range(10, 46, 4)


def _plain(marked: str) -> str:
    return marked.replace("⟦", "").replace("⟧", "")


def _kept(marked: str) -> list[tuple[int, int]]:
    """Return the spans, in the plain text, of what is marked."""
    spans: list[tuple[int, int]] = []
    opened: list[int] = []
    position = 0
    for character in marked:
        if character == "⟦":
            opened.append(position)
        elif character == "⟧":
            spans.append((opened.pop(), position))
        else:
            position += 1
    return spans


def _check(text: str, width: float, lines: list[tuple[int, int]], kept: list[tuple[int, int]]) -> None:
    """Check lines, `width` cells wide: what is wider is divided."""
    for (_, end), (start, _) in pairwise(lines):
        torn = [span for span in kept if span[0] < start < span[1]]
        assert all(cells(text[first : _with_marks(text, last)]) > width for first, last in torn), (
            width,
            text[:start],
            text[start:],
        )
        if not torn:
            assert text[start] not in _NEVER_FIRST, text[start : start + 9]
            assert text[end - 1] not in _NEVER_LAST, text[max(0, end - 9) : end]


def _with_marks(text: str, end: int) -> int:
    return end + next((n for n, mark in enumerate(text[end:]) if mark not in _NEVER_FIRST), len(text) - end)


def test_the_table_has_sixty_texts_in_twelve_languages() -> None:
    assert len(TEXTS) >= 60
    assert len({language for language, _ in TEXTS}) >= 12


@pytest.mark.parametrize(("language", "marked"), TEXTS)
def test_what_belongs_together_stays_on_one_line_at_every_width(language: str, marked: str) -> None:
    text, kept = _plain(marked), _kept(marked)
    for width in _WIDTHS:
        lines = [(line.first, line.last) for line in break_lines(text, cells, width, language).lines]
        _check(text, width, lines, kept)


@pytest.mark.parametrize(("language", "marked"), TEXTS)
def test_the_language_is_needed_for_nothing_but_the_look(language: str, marked: str) -> None:
    text = _plain(marked)
    lines = [(line.first, line.last) for line in break_lines(text, cells, 24, "").lines]
    _check(text, 24, lines, _kept(marked))


@pytest.mark.parametrize(("language", "marked"), TEXTS)
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
def test_what_belongs_together_stays_in_one_cue_and_on_one_line(
    language: str, marked: str, size: tuple[int, int]
) -> None:
    text, kept = _plain(marked), _kept(marked)
    spec = RenderSpec(
        Project(language=language, shots=(Shot("s", caption=text, duration=timedelta(seconds=20)),)),
        OutputSpec(*size, 30, Quality.STANDARD),
    )
    position, spans = 0, []
    for cue in plan_cues(plan_timeline(spec.project, 30, {}), spec):
        first = text.index(cue.text, position)
        position = first + len(cue.text)
        layout = lay_out_caption(cue.text, *size, CaptionFormat(language=language))
        assert layout is not None
        spans += [(first + line.first, first + line.last) for line in layout.spans]
    _check(text, inf, spans, kept)
