"""Bar chart: bars that grow, upright in wide frames and lying in others, with their values counting."""

from collections.abc import Iterator
from dataclasses import replace

from render_service.compositor.cards.stage import Stage
from render_service.compositor.cards.templates.charts import counting, framed, steps, value_text
from render_service.domain.cards.model import ChartCard
from render_service.domain.layers.contrast import blended
from render_service.domain.layers.model import Animation, AnimationDirection, ColorStop, Gradient, Layer, ShapeLayer

_FADED = 0.42
_ROW = 0.17  # The most that a lying bar takes with its label, as a share of the frame's shorter side.


def layers(card: ChartCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a bar chart."""
    most = float("inf") if stage.is_wide else len(card.points) * stage.px(_ROW)
    around, plot = framed(card, stage, most)
    yield from around
    yield from _upright(card, plot) if stage.is_wide else _lying(card, plot)


def _upright(card: ChartCard, stage: Stage) -> Iterator[Layer]:
    theme, points, gap = stage.theme, card.points, stage.px(0.018)
    slot = min(stage.width / len(points), stage.px(0.42))
    first = (stage.width - slot * len(points)) / 2
    bar = min(0.56 * slot, stage.px(0.17))
    room = 0.92 * slot
    labels = stage.set_alike(
        [point.label for point in points], room, 0.04, weight=500, height=0.24 * stage.height, lines=3
    )
    texts = [value_text(card, point.value, stage) for point in points]
    values = stage.set_alike(texts, room, 0.048, weight=700, lines=1, height=0.2 * stage.height)
    foot, head = max(block.height for block in labels) + gap, values[0].height + 0.5 * gap
    lowest = min(0.0, *(point.value for point in points))
    highest = max(0.0, *(point.value for point in points))
    below = head if lowest < 0 else 0.0
    full = max(stage.height - foot - head - below, 1.0)
    scale = full / ((highest - lowest) or 1.0)
    zero = head + highest * scale
    for number, (point, at) in enumerate(zip(points, steps(len(points)), strict=True)):
        left = first + number * slot
        height = max(abs(point.value) * scale, stage.px(0.004))
        top = zero - height if point.value >= 0 else zero
        radius = min(stage.px(0.012), height / 2)
        shape = stage.shape(left + (slot - bar) / 2, top, bar, height, radius=radius, **stage.wipe(at, 1.1, up=True))
        yield _grown(_shaded(shape, stage, 180.0 if point.value >= 0 else 0.0), is_down=point.value < 0)
        above = zero - height - head if point.value >= 0 else zero + height + 0.5 * gap
        place = (left + (slot - room) / 2, above, room)
        yield counting(
            card, point.value, values[number], stage, place, color=theme.ink, align="center", **stage.fade(at, 0.4)
        )
        label = labels[number]
        place = (left + (slot - room) / 2, stage.height - foot + gap, room)
        yield stage.text(label, *place, theme.muted, align="center", **stage.fade(at, 0.4))
    line = stage.px(0.004)
    yield stage.shape(first, zero, slot * len(points), line, theme.faint, **stage.wipe(0.3, 0.6))


def _lying(card: ChartCard, stage: Stage) -> Iterator[Layer]:
    theme, points = stage.theme, card.points
    slot = min(stage.height / len(points), stage.px(_ROW))
    y = (stage.height - slot * len(points)) / 2
    bar = 0.26 * slot
    row = 0.56 * slot
    texts = [value_text(card, point.value, stage) for point in points]
    values = stage.set_alike(texts, 0.42 * stage.width, 0.05, weight=700, lines=1, height=row)
    widest = max(block.width for block in values) + stage.px(0.03)
    room = stage.width - widest
    labels = stage.set_alike([point.label for point in points], room, 0.05, weight=500, lines=2, height=row)
    lowest = min(0.0, *(point.value for point in points))
    highest = max(0.0, *(point.value for point in points))
    scale = stage.width / ((highest - lowest) or 1.0)
    zero = -lowest * scale
    for number, (point, at) in enumerate(zip(points, steps(len(points)), strict=True)):
        top = y + number * slot
        label, value = labels[number], values[number]
        yield stage.text(label, 0, top + row - label.height, room, theme.ink, **stage.fade(at, 0.4))
        place = (stage.width - widest, top + row - value.height, widest)
        yield counting(
            card, point.value, value, stage, place, color=theme.accent_ink, align="end", **stage.fade(at, 0.4)
        )
        foot = top + row + 0.04 * slot
        yield stage.shape(0, foot, stage.width, bar, theme.faint, radius=bar / 2, **stage.fade(at, 0.4))
        width = max(abs(point.value) * scale, min(bar, stage.width))
        x = min(zero, stage.width - width) if point.value >= 0 else max(0.0, zero - width)
        shape = stage.shape(x, foot, width, bar, radius=bar / 2, **stage.wipe(at, 1.1))
        yield _shaded(shape, stage, 90.0 if stage.mirrored else 270.0)


def _shaded(layer: Layer, stage: Stage, angle: float) -> Layer:
    """Return a bar that fades towards the end that it grows from; `angle` is where that lies."""
    accent = stage.theme.accent
    stops = (ColorStop(accent), ColorStop(blended(accent, stage.theme.ground, _FADED), 1.0))
    return replace(layer, shape=ShapeLayer(gradient=Gradient(angle=angle, stops=stops)))


def _grown(layer: Layer, *, is_down: bool) -> Layer:
    """Return a bar that grows downwards where its value is negative."""
    enter = layer.enter or Animation()
    return replace(layer, enter=replace(enter, direction=AnimationDirection.DOWN)) if is_down else layer
