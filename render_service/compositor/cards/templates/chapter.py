"""Chapter: the name of a part in very large letters, its number above, a line and a subtitle below."""

from collections.abc import Iterator
from datetime import timedelta

from render_service.compositor.cards.stage import Stage
from render_service.domain.cards.model import ChapterCard
from render_service.domain.layers.model import AnimationUnit, Keyframe, Layer, ShapeKind, Stroke

_MEASURE = 14


def layers(card: ChapterCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a chapter."""
    theme, gap = stage.theme, stage.px(0.04)
    column = min(stage.width, _MEASURE * stage.px(0.135))
    number = (
        stage.set(card.number, column, 0.046, weight=700, height=0.12 * stage.height, spacing=0.06)
        if card.number
        else None
    )
    subtitle = (
        stage.set(card.subtitle, min(column, 24 * stage.px(0.052)), 0.052, height=0.24 * stage.height)
        if card.subtitle
        else None
    )
    rule = stage.px(0.01)
    rest = (number.height + 0.6 * gap if number else 0.0) + gap + rule + (subtitle.height + gap if subtitle else 0.0)
    title = stage.set_large(card.title, column, 0.135, weight=800, height=stage.height - rest, leading=1.14)
    y = (stage.height - rest - title.height) / 2
    if number:
        yield stage.text(number, 0, y, column, theme.accent_ink, **stage.rise(0))
        y += number.height + 0.6 * gap
    yield stage.text(title, 0, y, column, theme.ink, **stage.rise(0.15, by=AnimationUnit.WORD, seconds=0.9))
    y += title.height + gap
    yield _line(stage, y, rule)
    if subtitle:
        yield stage.text(subtitle, 0, y + rule + gap, column, theme.muted, **stage.rise(0.9))


def _line(stage: Stage, y: float, thickness: float) -> Layer:
    """Return the line, drawn from where reading begins."""
    start, end = stage.time(0.5), stage.time(1.3)
    grown = "trim_start" if stage.mirrored else "trim_end"
    states = ((timedelta(0), 1.0 if stage.mirrored else 0.0), (end - start, 0.0 if stage.mirrored else 1.0))
    keyframes = tuple(Keyframe(time, easing="cubic-bezier(0.2,0.8,0.2,1)", **{grown: value}) for time, value in states)
    stroke = Stroke(stage.theme.accent, max(thickness / stage.side, 0.001))
    width = min(stage.px(0.42), stage.width)
    return stage.shape(0, y, width, thickness, kind=ShapeKind.LINE, stroke=stroke, start=start, keyframes=keyframes)
